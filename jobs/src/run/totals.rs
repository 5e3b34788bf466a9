//! Stage 1 of a job for totals: numbers about the common rows, in the place of the rows.

use contract::Audience;
use matching::idmap::Keys;
use matching::psi::{Identifiers, circuit, totals};
use mpc::TwoParty;
use table::Table;

use super::align::{STEP, identifiers, keys, learn};
use super::outcome::{ColumnTotal, Sums, TotalsOutcome};
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::spec::PartySpec;

/// Counts the common rows and, if they are at least `minimum`, adds up over them what the job asks
/// for, to `decimals` decimal places.
pub(super) async fn add_up(
    run: &mut Run<'_>,
    rows: &OwnRows,
    minimum: u32,
    decimals: u32,
) -> Result<TotalsOutcome, JobError> {
    let mut step = run.begin(STEP, STEP)?;
    let scale = Scale { decimals };
    let found = find(run, &mut step, rows, minimum, scale).await.map_err(|error| error.at(STEP))?;
    run.end(step);
    Ok(found)
}

async fn find(
    run: &Run<'_>,
    step: &mut Step,
    rows: &OwnRows,
    minimum: u32,
    scale: Scale,
) -> Result<TotalsOutcome, JobError> {
    let table = rows.table().ok_or(JobError::NotInMemory)?;
    let keys = keys(run, table)?;
    let session = step.pair()?;
    let [me, peer] = run.own_and_peer(STEP)?;
    let ids = identifiers(&me.key.rule, table, &keys)?;
    let column = |name: &String| scale.column(name, table, &keys);
    let own = me.sum.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    run.record("table.rows", Audience::All, 1)?;
    // The rows of the smaller table stand in the bins, which cost most.
    let count = ids.len() as u64;
    let their_count = session.exchange_words("rows", &[count], 1).await?[0];
    let is_in_bins = if run.is_guest() { count <= their_count } else { count < their_count };
    let mut party = TwoParty::setup(session.fork("totals")?, run.ledger.clone()).await?;
    let theirs = (peer.sum.len(), usize::try_from(their_count).unwrap_or(usize::MAX));
    let matches = hide(&mut party, &ids, is_in_bins, &own, theirs).await?;
    let learn = learn(run);
    let totals = totals::sums(&mut party, &matches, learn, u64::from(minimum)).await?;
    let columns = if is_in_bins { [peer, me] } else { [me, peer] };
    let sums = match (totals.is_enough, totals.sums) {
        _ if columns.iter().all(|party| party.sum.is_empty()) => Sums::NotAsked,
        (Some(false), _) => Sums::BelowMinimum,
        (_, Some(words)) => Sums::Opened(named(columns, &words, scale, totals.cardinality)),
        _ => Sums::ForTheOther,
    };
    Ok(TotalsOutcome { common_rows: totals.cardinality, minimum, decimals: scale.decimals, sums })
}

/// Shares of which rows match and of all columns: those of the party whose rows are not in the
/// bins come first. The other party has `their_columns` and `their_rows`.
async fn hide(
    party: &mut TwoParty,
    ids: &Identifiers<'_>,
    is_in_bins: bool,
    own: &[Vec<u64>],
    (their_columns, their_rows): (usize, usize),
) -> Result<circuit::HiddenMatches, JobError> {
    let mut matches;
    if is_in_bins {
        matches = circuit::receive(party, ids, their_columns, Some(their_rows)).await?;
        matches.add_payloads_of_receiver(own)?;
    } else {
        matches = circuit::send(party, ids, own, Some(their_rows)).await?;
        matches.add_payloads_of_receiver(&vec![Vec::new(); their_columns])?;
    }
    Ok(matches)
}

fn named(
    parties: [&PartySpec; 2],
    words: &[u64],
    scale: Scale,
    common_rows: Option<u64>,
) -> Vec<ColumnTotal> {
    let columns =
        parties.iter().flat_map(|party| party.sum.iter().map(move |column| (party, column)));
    let total = |((party, column), word): ((&&PartySpec, &String), &u64)| {
        let sum = scale.value(*word);
        let mean = common_rows.filter(|rows| *rows > 0).map(|rows| sum / rows as f64);
        ColumnTotal { party: party.name.clone(), column: column.clone(), sum, mean }
    };
    columns.zip(words).map(total).collect()
}

/// Numbers with a fixed number of decimal places as integers modulo 2^64.
#[derive(Clone, Copy)]
struct Scale {
    decimals: u32,
}

impl Scale {
    /// The numbers of a column in the rows that take part, each rounded by at most half a unit of
    /// the last place. No sum over any of these rows leaves the range of 64 bits with a sign.
    fn column(self, name: &str, table: &Table, keys: &Keys<'_>) -> Result<Vec<u64>, JobError> {
        let values = table.numeric(name)?;
        let rows: Vec<u32> =
            (0..keys.texts().len() as u32).map(|position| keys.row(position)).collect();
        let fault = |rule: String| JobError::NotSummable { column: name.to_owned(), rule };
        let refuse = |what: &str, is_bad: &dyn Fn(f64) -> bool| {
            let bad: Vec<u32> =
                rows.iter().copied().filter(|row| is_bad(values[*row as usize])).collect();
            let first: Vec<String> =
                bad.iter().take(EXAMPLES).map(|row| (row + 1).to_string()).collect();
            let count = bad.len();
            let text = format!("{count} rows {what}, first rows {}", first.join(", "));
            if bad.is_empty() { Ok(()) } else { Err(fault(text)) }
        };
        refuse("have no number", &|value| value.is_nan())?;
        let factor = self.factor();
        let size_max = UNITS_MAX / factor;
        let decimals = self.decimals;
        let what = format!("are beyond ±{size_max:.0}, the limit with {decimals} decimals");
        refuse(&what, &|value| value.abs() * factor > UNITS_MAX)?;
        let units: Vec<i64> =
            rows.iter().map(|row| (values[*row as usize] * factor).round() as i64).collect();
        let sum: u128 = units.iter().map(|units| u128::from(units.unsigned_abs())).sum();
        if sum > SUM_MAX {
            let limit = SUM_MAX as f64 / factor;
            return Err(fault(format!(
                "its values without their signs add up to more than {limit:.0}, the limit with \
                 {decimals} decimals"
            )));
        }
        Ok(units.into_iter().map(i64::cast_unsigned).collect())
    }

    fn value(self, word: u64) -> f64 {
        word.cast_signed() as f64 / self.factor()
    }

    fn factor(self) -> f64 {
        10_f64.powi(self.decimals.cast_signed())
    }
}

/// Units of the last place that a number may have: up to here every integer is a floating number.
const UNITS_MAX: f64 = (1_u64 << 53) as f64;

/// The same for the sum of a column.
const SUM_MAX: u128 = i64::MAX as u128;

/// Rows that an error names.
const EXAMPLES: usize = 5;

#[cfg(test)]
mod tests;
