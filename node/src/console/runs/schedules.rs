//! Runs that are asked for again and again, as the list of runs shows them.

use contract::Text;
use governance::canonical::Digest;
use governance::roles::Action;
use governance::time::Time;
use report::markup::Element;

use super::super::shell::{Reader, bounded, link, section, table, text};
use super::super::{Answered, At, Reply, Trouble, wording};
use crate::office::{LedTo, State};
use crate::store::Person;

/// One schedule.
pub(in super::super) struct Row {
    pub(in super::super) number: u32,
    /// The agreement and its title.
    pub(in super::super) agreement: (Digest, String),
    pub(in super::super) when: String,
    pub(in super::super) by: String,
    pub(in super::super) next: Option<Time>,
    /// When it was last due, the run that followed, or why there is none.
    pub(in super::super) last: Option<(Time, Option<Digest>, Option<Text>)>,
}

/// All schedules, by number.
pub(super) fn rows(state: &State, people: &[Person]) -> Vec<Row> {
    let rows = state.schedules.values().map(|kept| {
        let schedule = &kept.schedule;
        let agreement = schedule.run.agreement;
        let terms = state.terms(&agreement);
        let title = terms.map_or_else(String::new, |terms| bounded(&terms.title, 120));
        let last = kept.last.as_ref().map(|(at, led_to)| match led_to {
            LedTo::Run(run) => (*at, Some(*run), None),
            LedTo::Left(run) => (*at, Some(*run), Some(wording::run_before_not_over())),
            LedTo::Nothing { en, zh } => {
                (*at, None, Some(Text::owned(bounded(en, 300), bounded(zh, 300))))
            }
        });
        let by = people.iter().find(|person| person.id == schedule.by);
        let by = by.map_or(schedule.by.as_str(), |person| person.name.as_str());
        let hours = f64::from(schedule.utc_offset_minutes) / 60.0;
        Row {
            number: schedule.number,
            agreement: (agreement, title),
            when: format!("{} (UTC{hours:+})", schedule.when),
            by: bounded(by, 120),
            next: kept.next,
            last,
        }
    });
    rows.collect()
}

/// The part of the list of runs that shows them, if there are any.
pub(super) fn part(reader: &Reader, rows: &[Row]) -> Option<Element> {
    let cells = |row: &Row| {
        let (agreement, title) = &row.agreement;
        let end = reader.button_to(format!("/jobs/schedules/{}/end", row.number), &wording::end());
        vec![
            text(row.number.to_string()),
            link(format!("/agreements/{agreement}"), title.as_str()),
            Element::new("code").text(row.when.as_str()),
            row.next.map_or_else(|| text(""), |next| reader.time(next)),
            row.last.as_ref().map_or_else(|| text(""), |last| followed(reader, last)),
            text(row.by.as_str()),
            if reader.can(Action::SteerJob) { end } else { text("") },
        ]
    };
    let heads = [
        wording::number(),
        wording::agreement(),
        wording::schedule(),
        wording::next_time(),
        wording::last_time(),
        wording::who(),
        wording::change(),
    ];
    let rows: Vec<_> = rows.iter().map(cells).collect();
    (!rows.is_empty())
        .then(|| section(reader, &wording::schedules()).child(table(reader, &heads, rows)))
}

fn followed(reader: &Reader, last: &(Time, Option<Digest>, Option<Text>)) -> Element {
    let (at, run, why) = last;
    Element::new("div")
        .child(reader.time(*at))
        .children(run.map(|run| {
            let run_link = link(format!("/jobs/{run}"), reader.say(&wording::job()));
            Element::new("span").text(" ").child(run_link)
        }))
        .children(why.as_ref().map(|why| Element::new("div").text(reader.say(why))))
}

/// Ends a schedule.
pub(super) async fn end(at: &At<'_>, number: &str) -> Answered {
    at.reader.need(Action::SteerJob)?;
    let number = number.parse().map_err(|_| Trouble::NotFound)?;
    at.house.office.end_schedule(at.by, number).await?;
    Ok(Reply::see("/jobs"))
}
