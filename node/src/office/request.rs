//! What a job asks of an agreement, from this node's own copy of the job file.

use std::collections::{BTreeMap, BTreeSet};

use contract::{ComponentDescriptor, ParameterDescriptor, Text, catalogue};
use governance::agreements::{
    Allowed, Column, Columns, ComponentRequest, ComponentTerms, PartyTerms, Request, Setting,
    Terms, Value,
};
use governance::decimal::Decimal;
use governance::members::MemberId;
use governance::time::Time;
use jobs::spec::{JobSpec, OtherColumns, PartySpec, Protocol};
use serde_json::Value as Json;

/// The longest job file that is sent to partners.
pub(super) const JOB_BYTES_MAX: usize = 512 << 10;

/// Reads a job file that came from a page or a partner.
///
/// # Errors
/// All mistakes, or that it is too long.
pub(super) fn parse(text: &str) -> Result<JobSpec, Text> {
    if text.len() > JOB_BYTES_MAX {
        return Err(Text::new("the job file has more than 512 KiB", "任务文件超过 512 KiB"));
    }
    JobSpec::parse("job.yaml", text).map_err(|error| {
        let error = error.to_string();
        Text::owned(error.clone(), error)
    })
}

/// What a job asks, if `tables` are those of its parties.
///
/// # Errors
/// What the job does not say or cannot say.
pub(super) fn request_of(
    job: &JobSpec,
    terms: &Terms,
    tables: &BTreeMap<MemberId, String>,
) -> Result<Request, Text> {
    let members: BTreeMap<&str, MemberId> =
        terms.parties.iter().map(|(member, party)| (party.name.as_str(), *member)).collect();
    let mut parties = BTreeMap::new();
    for party in job.parties() {
        let member = members.get(party.name.as_str()).ok_or_else(|| no_party(&party.name))?;
        let table = tables.get(member).ok_or_else(|| no_table(&party.name))?;
        parties.insert(*member, BTreeMap::from([(table.clone(), columns_of(party)?)]));
    }
    let by_role = |to: contract::Audience| {
        let in_it = job.parties().filter(move |party| to.includes(party.role));
        in_it.filter_map(|party| members.get(party.name.as_str()).copied())
    };
    let statement = job.disclosures();
    let disclosures = statement.iter().flat_map(|step| &step.disclosures);
    let disclosures: BTreeSet<(String, MemberId)> = disclosures
        .flat_map(|it| by_role(it.to).map(|member| (it.key.to_string(), member)))
        .collect();
    let canonical: Json = serde_json::from_str(&job.canonical()).unwrap_or_default();
    let components = statement.iter().filter_map(|step| {
        let component = catalogue::find(step.component)?;
        let settings = settings_of(component, settings_at(&canonical, &step.step));
        let (component, privacy) = (component.name.to_owned(), step.mode.clone());
        Some(ComponentRequest { component, privacy, settings })
    });
    Ok(Request {
        job: job.digest(),
        purpose: job.purpose.clone(),
        parties,
        components: components.collect(),
        disclosures,
        minimum_group: match job.align.protocol {
            Protocol::Totals { minimum, .. } | Protocol::Hidden { minimum } => minimum,
            // Whoever sees figures of groups has these rows and scores in the first place.
            _ => u32::MAX,
        },
        privacy_budget: Decimal::default(),
    })
}

/// The narrowest terms that cover a job, to begin an agreement from: `parties` are the members that
/// the job's names stand for, each with its table.
///
/// # Errors
/// What the job does not say or cannot say.
pub(super) fn terms_for(
    job: &JobSpec,
    parties: &BTreeMap<String, (MemberId, String)>,
    now: Time,
) -> Result<Terms, Text> {
    let named = parties.iter();
    let party = |(name, (member, _)): (&String, &(MemberId, String))| {
        (*member, PartyTerms { name: name.clone(), gives: BTreeMap::new() })
    };
    let mut terms = Terms {
        title: job.job.clone(),
        version: 1,
        parent: None,
        written_at: now,
        parties: named.clone().map(party).collect(),
        purposes: BTreeSet::from([job.purpose.clone()]),
        legal_basis: LEGAL_BASIS.to_owned(),
        components: BTreeMap::new(),
        disclosures: BTreeMap::new(),
        minimum_group: 1,
        privacy_budget: None,
        runs_per_month: None,
        runs: RUNS,
        attempts: ATTEMPTS,
        valid_from: now,
        valid_until: now.plus(HOLDS),
        utc_offset_minutes: 0,
        currency: "CNY".to_owned(),
        prices: BTreeSet::new(),
    };
    let tables = named.map(|(_, (member, table))| (*member, table.clone())).collect();
    let request = request_of(job, &terms, &tables)?;
    for (member, gives) in request.parties {
        if let Some(party) = terms.parties.get_mut(&member) {
            party.gives = gives;
        }
    }
    for ComponentRequest { component, privacy, settings } in request.components {
        let allowed = terms.components.entry(component).or_insert_with(|| ComponentTerms {
            privacy: BTreeSet::new(),
            settings: BTreeMap::new(),
        });
        allowed.privacy.insert(privacy);
        let changed = settings.into_iter().filter(|(_, setting)| !setting.is_default);
        allowed.settings.extend(changed.map(|(name, _)| (name, Allowed::Anything)));
    }
    for (key, to) in request.disclosures {
        terms.disclosures.entry(key).or_default().insert(to);
    }
    if request.minimum_group != u32::MAX {
        terms.minimum_group = request.minimum_group;
    }
    Ok(terms)
}

/// All columns that a party brings, each with everything that it is used as.
fn columns_of(party: &PartySpec) -> Result<Columns, Text> {
    if party.other_columns != OtherColumns::Ignore {
        let name = &party.name;
        return Err(Text::owned(
            format!(
                "the job uses every column of {name}'s table, also those that come later; list \
                 them under `columns:` and add `other_columns: ignore`"
            ),
            format!(
                "任务使用了{name}表中的全部列（包括以后新增的列）；请在 `columns:` 下逐一列出，并加上 \
                 `other_columns: ignore`"
            ),
        ));
    }
    let mut columns = Columns::new();
    let mut add = |name: &String, used_as| {
        columns.entry(name.clone()).or_default().insert(used_as);
    };
    party.keys().for_each(|key| add(&key.column, Column::Key));
    party.payload.iter().for_each(|name| add(name, Column::Payload));
    party.sum.iter().for_each(|name| add(name, Column::Sum));
    party.label.iter().for_each(|label| add(&label.column, Column::Label));
    let single = [
        (&party.item, Column::Item),
        (&party.weight, Column::Weight),
        (&party.time, Column::Time),
        (&party.offset, Column::Offset),
        (&party.group, Column::Group),
    ];
    for (name, used_as) in single {
        if let Some(name) = name {
            add(name, used_as);
        }
    }
    // Columns with another use are no features; their kinds may be stated all the same.
    let features: Vec<String> = party
        .columns
        .iter()
        .filter(|(name, spec)| !spec.ignore && !columns.contains_key(*name))
        .map(|(name, _)| name.clone())
        .collect();
    for name in features {
        columns.entry(name).or_default().insert(Column::Feature);
    }
    Ok(columns)
}

/// Where the canonical form of a job has the settings of a step.
fn settings_at<'a>(canonical: &'a Json, step: &str) -> Option<&'a Json> {
    let (stage, name) = step.split_once('.').unwrap_or((step, ""));
    match stage {
        "train" => {
            let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
            let steps = canonical.get("train")?.as_array()?;
            let step = steps.iter().find(|it| it.get("name").is_some_and(|it| it == name))?;
            step.get("model")?.as_object()?.values().next()?.get("settings")
        }
        "split" => {
            let splits = canonical.get("splits")?.as_array()?;
            splits.iter().find(|it| it.get("name").is_some_and(|it| it == name))
        }
        "prepare" => canonical.get("prepare")?.get(name),
        _ => canonical.get(stage),
    }
}

/// All settings of a component as the job has them.
fn settings_of(component: &ComponentDescriptor, at: Option<&Json>) -> BTreeMap<String, Setting> {
    let setting = |parameter: &ParameterDescriptor| {
        let value = at?.get(parameter.name)?;
        let default = serde_json::to_value(&parameter.kind).ok();
        let default = default.and_then(|mut kind| kind.get_mut("default").map(Json::take));
        let is_default = default.is_some_and(|default| default == *value);
        Some((parameter.name.to_owned(), Setting { value: value_of(value), is_default }))
    };
    component.parameters.iter().filter_map(setting).collect()
}

fn value_of(value: &Json) -> Value {
    match value {
        Json::String(word) => Value::Word(word.clone()),
        Json::Number(number) => match number.to_string().parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Word(number.to_string()),
        },
        other => Value::Word(other.to_string()),
    }
}

fn no_party(name: &str) -> Text {
    Text::owned(
        format!("the agreement has no party called `{name}`; jobs use the names of the agreement"),
        format!("协议中没有名为“{name}”的参与方；任务须使用协议中的名称"),
    )
}

fn no_table(name: &str) -> Text {
    Text::owned(
        format!("the run does not say which table of {name} it uses"),
        format!("任务未说明使用{name}的哪张数据表"),
    )
}

/// What terms say until somebody says what it is.
const LEGAL_BASIS: &str = "contract";
/// Runs of terms that begin from a job.
const RUNS: u32 = 20;
/// How often a run may be started under them.
const ATTEMPTS: u32 = 5;
/// How long they hold, in milliseconds: 90 days.
const HOLDS: u64 = 90 * 24 * 60 * 60 * 1000;
