//! What training over hidden rows refuses.

use mpc::TwoParty;

use super::{
    Counts, Goal, GuestRows, HiddenRows, LINEAR_RATIO_MAX, LOG_RATIO_MAX, Own, PLACES_MAX,
    RATIO_MAX, ROWS_MIN, Tables, invalid,
};
use crate::ModelError;
use crate::family::Family;

pub(super) fn check(
    party: &TwoParty,
    rows: &HiddenRows,
    (counts, tables): (Counts, Tables),
    own: &Own<'_>,
    Goal { family, settings, .. }: Goal<'_>,
) -> Result<(), ModelError> {
    rows.check()?;
    let penalties = [settings.l2, settings.l1];
    if penalties.iter().any(|penalty| !(0.0..=1e3).contains(penalty)) || settings.tolerance <= 0.0 {
        return invalid("l2 and l1 lie in 0 to 1000, the tolerance above 0".to_owned());
    }
    if settings.early_stopping.is_some() || settings.standard_errors {
        let rule = "over hidden rows there is neither early stopping nor standard errors";
        return invalid(rule.to_owned());
    }
    if !(ROWS_MIN..=rows.training).contains(&counts.training) {
        return invalid(format!(
            "{} training rows are common; a regression needs {ROWS_MIN}",
            counts.training
        ));
    }
    tables.check(counts, family)?;
    match own {
        Own::Guest(guest) => check_guest(party, *guest, rows, family),
        Own::Host(host) if party.is_first() || host.whitened.width() != rows.width() => {
            invalid("the second party is the host, with as many columns as are shared".to_owned())
        }
        Own::Host(host) if host.column_bits != tables.column_bits() => {
            invalid("the host's columns were made for tables of other sizes".to_owned())
        }
        Own::Host(_) => Ok(()),
    }
}

fn check_guest(
    party: &TwoParty,
    guest: GuestRows<'_>,
    rows: &HiddenRows,
    family: Family,
) -> Result<(), ModelError> {
    let places = rows.places();
    let lengths = [guest.filled.len(), guest.targets.len()];
    let columns = guest.columns.iter().map(|column| column.len());
    if !party.is_first() || lengths.into_iter().chain(columns).any(|length| length != places) {
        return invalid(format!("the guest needs a value and a label for each of {places} places"));
    }
    if family != Family::Binomial {
        return Ok(());
    }
    let labels = guest.for_training(rows.training);
    let positives = labels.iter().filter(|label| **label > 0.5).count();
    let one_class = positives == 0 || positives == labels.len();
    if !guest.targets.iter().all(|label| family.allows(*label).1) || one_class {
        return invalid(format!(
            "labels must be 0 or 1 and of both kinds; {positives} of the guest's {} training rows \
             are 1",
            labels.len()
        ));
    }
    Ok(())
}

impl Tables {
    fn check(self, counts: Counts, family: Family) -> Result<(), ModelError> {
        let Self { guest, host } = self;
        let Counts { training, test } = counts;
        if training + test > guest.min(host) {
            return invalid(format!(
                "tables of {guest} and {host} rows cannot have {training} and {test} in common"
            ));
        }
        let ratio_max = match family {
            Family::Binomial => RATIO_MAX,
            Family::Gaussian => LINEAR_RATIO_MAX,
            _ => LOG_RATIO_MAX,
        };
        if guest.max(host) > ratio_max * training {
            return invalid(format!(
                "{training} training rows are common, and the tables have {guest} and {host} rows: \
                 more than {ratio_max} for each of them, so that the steps of training would have \
                 to be too short. Leave rows out of the larger table that the other party is \
                 unlikely to have, by a rule that both may know"
            ));
        }
        Ok(())
    }
}

impl HiddenRows {
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let places = self.places();
        if !(ROWS_MIN..=self.places()).contains(&self.training) || places > PLACES_MAX {
            return invalid(format!(
                "{places} places, of which {} are for training; possible are {ROWS_MIN} for \
                 training and {PLACES_MAX} in all",
                self.training
            ));
        }
        if self.shared.is_empty() || self.shared.iter().any(|column| column.len() != places) {
            return invalid("the host's columns need a number for each place".to_owned());
        }
        Ok(())
    }
}
