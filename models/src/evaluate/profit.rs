//! Money: what contacting the best-scored share brings, and where to stop.

use super::{EvaluateError, Ranking};
use serde::Serialize;

/// What one contact costs and what one conversion is worth, in the same currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Economics {
    /// Cost of contacting one row; finite and at least 0.
    pub cost_per_contact: f64,
    /// Value of one positive that was contacted; finite and above 0.
    pub value_per_conversion: f64,
}

/// Profit when the best-scored share of the rows is contacted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProfitPoint {
    /// Share of all weight that is contacted.
    pub share: f64,
    /// Lowest score contacted.
    pub threshold: f64,
    /// Number (weight) of contacts.
    pub contacts: f64,
    /// Number (weight) of conversions among them.
    pub conversions: f64,
    /// Value of the conversions minus cost of the contacts.
    pub profit: f64,
    /// The same for as many contacts chosen at random (expected value).
    pub profit_of_random: f64,
    /// Profit over cost; none where contacts cost nothing.
    pub return_on_cost: Option<f64>,
}

/// The profit curve with its two cut-offs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profit {
    /// The stated cost and value.
    pub economics: Economics,
    /// Cost over value: the response rate at which one more contact earns its cost.
    pub break_even_rate: f64,
    /// The cut-off with the largest profit; none where every cut-off loses money.
    pub best: Option<ProfitPoint>,
    /// The deepest cut-off whose total profit is not negative; none where every cut-off loses.
    pub break_even: Option<ProfitPoint>,
    /// What contacting everybody brings.
    pub everybody: ProfitPoint,
    /// The curve at 1 %, 2 %, …, 100 % of the weight, for drawing.
    pub curve: Vec<ProfitPoint>,
}

/// Profit by depth of contact, from a stated cost per contact and value per conversion.
///
/// Cut-offs are looked for between distinct scores only: they are thresholds that can be applied.
/// Of equally good cut-offs the one with fewer contacts is the best. Source: Verbeke, Dejaeger,
/// Martens, Hur and Baesens, "New insights into churn prediction in the telecommunication sector:
/// A profit driven data mining approach", 2012, section 3, with constant cost and value.
///
/// # Errors
///
/// [`EvaluateError::Setting`] for a cost or value out of its range.
pub fn profit(ranking: &Ranking, economics: Economics) -> Result<Profit, EvaluateError> {
    let Economics { cost_per_contact: cost, value_per_conversion: value } = economics;
    if !(cost.is_finite() && cost >= 0.0) {
        return Err(EvaluateError::setting("cost per contact", &cost, "a number of at least 0"));
    }
    if !(value.is_finite() && value > 0.0) {
        return Err(EvaluateError::setting("value per conversion", &value, "a number above 0"));
    }
    let (mut contacts, mut conversions) = (0.0, 0.0);
    let (mut best, mut break_even): (Option<ProfitPoint>, Option<ProfitPoint>) = (None, None);
    for group in ranking.groups() {
        contacts += group.weight();
        conversions += group.positives;
        let here = point(ranking, economics, group.score, contacts, conversions);
        if here.profit >= 0.0 {
            break_even = Some(here);
            if best.is_none_or(|best| here.profit > best.profit) {
                best = Some(here);
            }
        }
    }
    let lowest = ranking.groups()[ranking.groups().len() - 1].score;
    Ok(Profit {
        economics,
        break_even_rate: cost / value,
        best,
        break_even,
        everybody: point(ranking, economics, lowest, contacts, conversions),
        curve: curve(ranking, economics),
    })
}

/// The curve at every hundredth of the weight.
fn curve(ranking: &Ranking, economics: Economics) -> Vec<ProfitPoint> {
    let (mut groups, mut passed) = (ranking.groups().iter().peekable(), 0.0);
    (1..=100_u32)
        .map(|percent| {
            let share = f64::from(percent) / 100.0;
            let contacts = share * ranking.weight();
            // The lowest score contacted is that of the group in which the cut lies.
            let mut threshold = ranking.groups()[ranking.groups().len() - 1].score;
            while let Some(group) = groups.peek() {
                threshold = group.score;
                if passed + group.weight() >= contacts {
                    break;
                }
                passed += group.weight();
                groups.next();
            }
            point(ranking, economics, threshold, contacts, ranking.positives_within(share))
        })
        .collect()
}

/// The figures of one cut-off.
fn point(
    ranking: &Ranking,
    economics: Economics,
    threshold: f64,
    contacts: f64,
    conversions: f64,
) -> ProfitPoint {
    let Economics { cost_per_contact, value_per_conversion } = economics;
    let cost = cost_per_contact * contacts;
    let profit = value_per_conversion * conversions - cost;
    ProfitPoint {
        share: contacts / ranking.weight(),
        threshold,
        contacts,
        conversions,
        profit,
        profit_of_random: value_per_conversion * contacts * ranking.base_rate() - cost,
        return_on_cost: (cost > 0.0).then(|| profit / cost),
    }
}
