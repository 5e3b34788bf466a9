//! That a file is the part of this party of the model that the job means, and that its values can
//! be those of a training. Each rule says what to do.

use std::collections::BTreeSet;

use contract::Role;
use features::binning::Binning;
use models::local;
use models::local::boosted_trees::Loss;
use models::local::factorization_machine::HostPart;
use models::vertical::boosted_trees::HostTrees;
use models::vertical::multinomial_regression::{CLASSES_MAX, CLASSES_MIN};

use super::SavedModel;
use crate::run::{
    AloneLinear, ClassScore, ClassesPart, Coefficient, GuestFactors, LinearPart, ModelPart,
    Weighed, loss,
};
use crate::spec::{Model, PartySpec, ScoreSpec};

/// Codes are bytes.
const BINS_MAX: usize = 256;

impl SavedModel {
    /// Checks a file that stands for `step` and was read for `party` in a job that scores.
    pub(super) fn check(
        &self,
        step: &str,
        score: &ScoreSpec,
        party: &PartySpec,
    ) -> Result<(), String> {
        self.check_names(step, score, party)?;
        let damaged =
            |rule: &dyn std::fmt::Display| format!("{rule}; restore the file, or train again");
        let model = self.model();
        let model = model.ok_or_else(|| damaged(&"its settings are not those of such a model"))?;
        if self.model_id.len() != 32 || !self.model_id.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(damaged(&"the name of its training run has 32 hexadecimal digits"));
        }
        for binning in self.binnings() {
            binning.check().map_err(|error| damaged(&error))?;
        }
        if let Some(preparation) = &self.preparation {
            preparation.check().map_err(|error| damaged(&error))?;
        }
        for source in self.sources() {
            if !self.columns.contains_key(source) {
                return Err(damaged(&format!("it does not say of what kind column `{source}` is")));
            }
        }
        self.check_part(&model).map_err(|rule| damaged(&rule))
    }

    /// Whose part it is, and of which model.
    fn check_names(&self, step: &str, score: &ScoreSpec, party: &PartySpec) -> Result<(), String> {
        if self.party != party.name || self.role != party.role {
            return Err(format!(
                "this is the part of the {} `{}`; each party has its own",
                self.role, self.party
            ));
        }
        if self.job != score.model {
            return Err(format!(
                "it was trained by the job `{}`, and this job asks for `{}`",
                self.job, score.model
            ));
        }
        if self.step != step {
            let own = &self.step;
            return Err(format!("it is the model of step `{own}`; the file has another name"));
        }
        if self.component != score.component.name {
            let [own, asked] = [self.component.as_str(), score.component.name]
                .map(|name| name.rsplit('.').next().unwrap_or(name).to_owned());
            return Err(format!("it is of the kind `{own}`, and this job asks for `{asked}`"));
        }
        if self.privacy != score.privacy {
            return Err(format!(
                "it was trained in the mode `{}`, and this job takes it in `{}`; write `privacy: {}` \
                 there, and look at the disclosure statement again",
                self.privacy, score.privacy, self.privacy
            ));
        }
        Ok(())
    }

    fn check_part(&self, model: &Model) -> Result<(), String> {
        let is_guest = self.role == Role::Guest;
        let is_strict = self.privacy == contract::STRICT;
        match (&self.part, model) {
            (ModelPart::LogisticRegression(part), Model::LogisticRegression { .. })
            | (ModelPart::Regression(part), Model::Regression { .. }) => self.check_linear(part),
            (ModelPart::MultinomialRegression(part), Model::MultinomialRegression { .. }) => {
                self.check_classes(part)
            }
            (
                ModelPart::GuestTrees { trees, alone, names, .. },
                Model::BoostedTrees { settings, .. },
            ) if is_guest && !is_strict => {
                trees.check().map_err(|error| error.to_string())?;
                let count = names.as_ref().map_or(1, Vec::len);
                check_losses(&[trees.loss, alone.loss], loss(settings, count))?;
                if let Some(names) = names {
                    check_names(names)?;
                }
                self.check_alone_trees(alone, &trees.features)
            }
            (ModelPart::HostTrees { trees, .. }, Model::BoostedTrees { .. })
                if !is_guest && !is_strict =>
            {
                check_host_trees(trees, self.binnings())
            }
            (
                ModelPart::StrictTrees { trees, alone, names, .. },
                Model::BoostedTrees { settings, .. },
            ) if is_strict && alone.is_some() == is_guest => {
                trees.check(self.place()).map_err(|error| error.to_string())?;
                self.check_features(&trees.features)?;
                let expected = loss(settings, trees.outputs());
                if matches!(expected, Loss::Softmax { .. }) != (trees.outputs() > 1) {
                    return Err("its trees have not one turn for each class".to_owned());
                }
                let Some(alone) = alone else { return Ok(()) };
                check_losses(&[alone.loss], expected)?;
                if let Some(names) = names {
                    check_names(names)?;
                }
                if names.as_ref().map_or(1, Vec::len) != trees.outputs() {
                    return Err("it has not one name for each class".to_owned());
                }
                self.check_alone_trees(alone, &trees.features)
            }
            (ModelPart::GuestFactors(part), Model::FactorizationMachine { settings, .. })
                if is_guest =>
            {
                self.check_guest_factors(part, settings.factors as usize)
            }
            (ModelPart::HostFactors(part), Model::FactorizationMachine { settings, .. })
                if !is_guest =>
            {
                self.check_names_of_features(&part.features)?;
                let HostPart { column_factors, offset } = &part.joint;
                let columns = part.features.len();
                check_factors(settings.factors as usize, &[(columns, column_factors), (1, offset)])
            }
            _ => Err("its part is not one of such a model".to_owned()),
        }
    }

    fn check_guest_factors(&self, part: &GuestFactors, factors: usize) -> Result<(), String> {
        self.check_names_of_features(&part.features)?;
        let items = part.items.len();
        if part.items.iter().collect::<BTreeSet<_>>().len() != items {
            return Err("two of its items have one name".to_owned());
        }
        for model in [&part.joint, &part.alone] {
            let biases = &model.item_biases;
            if biases.len() != items || !biases.iter().all(|bias| bias.is_finite()) {
                return Err("its items do not have one popularity each".to_owned());
            }
            let sizes = [
                (items, &model.item_factors),
                (items, &model.history_factors),
                (part.features.len(), &model.column_factors),
                (1, &model.offset),
            ];
            check_factors(factors, &sizes)?;
        }
        Ok(())
    }

    /// Factors are of the features that the party prepares.
    fn check_names_of_features(&self, features: &[String]) -> Result<(), String> {
        let mut features = features.to_vec();
        features.sort_unstable();
        if features == self.expected_features()? {
            return Ok(());
        }
        Err("its factors are of other features than it prepares".to_owned())
    }

    /// The binned columns are the features of trees, in their order.
    fn check_features(&self, features: &[String]) -> Result<(), String> {
        if self.binnings().iter().map(Binning::feature).eq(features.iter().map(String::as_str)) {
            return Ok(());
        }
        Err("its trees are of other columns than its bins".to_owned())
    }

    fn check_alone_trees(
        &self,
        alone: &local::boosted_trees::BoostedTrees,
        features: &[String],
    ) -> Result<(), String> {
        alone.check().map_err(|error| error.to_string())?;
        self.check_features(features)?;
        self.check_features(&alone.features)
    }

    /// The names of the features that the party prepares, in order.
    fn expected_features(&self) -> Result<Vec<String>, String> {
        let Some(preparation) = &self.preparation else {
            return Err("it lacks how columns become features".to_owned());
        };
        if let Some(weighed) = &self.weighed {
            check_weighed(weighed, self.role)?;
        }
        let prepared = preparation.provenance().map(ToString::to_string);
        let weighed = self.weighed.iter().flat_map(weighed_features);
        let mut expected: Vec<String> = prepared.chain(weighed).collect();
        expected.sort_unstable();
        Ok(expected)
    }

    /// Every class of both models has the same features in one order.
    fn check_classes(&self, part: &ClassesPart) -> Result<(), String> {
        let expected = self.expected_features()?;
        let count = part.classes.len();
        check_count(count)?;
        let is_guest = self.role == Role::Guest;
        let alone = part.alone.as_ref();
        let has_all = |length: Option<usize>| length == is_guest.then_some(count);
        if !has_all(part.names.as_ref().map(Vec::len)) || !has_all(alone.map(Vec::len)) {
            return Err("the guest, and only the guest, has the names of the classes and a model \
                        of its own columns"
                .to_owned());
        }
        if let Some(names) = &part.names {
            check_names(names)?;
        }
        let features = |class: &ClassScore| -> Vec<String> {
            class.coefficients.iter().map(|it| it.feature.clone()).collect()
        };
        let first = part.classes.first().map(features);
        for class in part.classes.iter().chain(alone.into_iter().flatten()) {
            check_coefficients(&class.coefficients, class.intercept, &expected)?;
            if first.as_ref() != Some(&features(class)) {
                return Err("its classes have their columns in different orders".to_owned());
            }
        }
        Ok(())
    }

    fn check_linear(&self, part: &LinearPart) -> Result<(), String> {
        let expected = self.expected_features()?;
        check_coefficients(&part.coefficients, part.intercept, &expected)?;
        match &part.alone {
            Some(AloneLinear { coefficients, intercept }) if self.role == Role::Guest => {
                let names = |of: &[Coefficient]| of.iter().map(|it| it.feature.clone()).collect();
                let [joint, own]: [Vec<String>; 2] =
                    [names(&part.coefficients), names(coefficients)];
                if joint != own {
                    return Err("its two models have their columns in different orders".to_owned());
                }
                check_coefficients(coefficients, *intercept, &expected)
            }
            None if self.role == Role::Host => Ok(()),
            _ => Err("the guest, and only the guest, has a model of its own columns".to_owned()),
        }
    }
}

/// Lists of so many vectors of factors, all finite.
fn check_factors(factors: usize, lists: &[(usize, &Vec<f64>)]) -> Result<(), String> {
    let is_whole = |(vectors, list): &(usize, &Vec<f64>)| {
        Some(list.len()) == vectors.checked_mul(factors) && list.iter().all(|it| it.is_finite())
    };
    if lists.iter().all(is_whole) {
        return Ok(());
    }
    Err(format!("its factors are not vectors of {factors} finite numbers"))
}

fn check_count(classes: usize) -> Result<(), String> {
    if (CLASSES_MIN..=CLASSES_MAX).contains(&classes) {
        return Ok(());
    }
    Err(format!("a model of several classes has {CLASSES_MIN} to {CLASSES_MAX}"))
}

/// Classes have names of their own.
fn check_names(names: &[String]) -> Result<(), String> {
    check_count(names.len())?;
    if names.iter().collect::<BTreeSet<_>>().len() == names.len() {
        return Ok(());
    }
    Err("two of its classes have one name".to_owned())
}

/// What scores mean follows from the settings; trees of another loss would be misread.
fn check_losses(of_trees: &[Loss], of_settings: Loss) -> Result<(), String> {
    if of_trees.iter().all(|loss| *loss == of_settings) {
        return Ok(());
    }
    Err("its trees are of another loss than its settings".to_owned())
}

/// The names of the features that weight of evidence gives this party.
fn weighed_features(weighed: &Weighed) -> Vec<String> {
    let named = |column: &str| format!("{column} (WOE)");
    match &weighed.feature_of_number {
        None => weighed.own.iter().map(|own| named(&own.column)).collect(),
        Some(places) => {
            let columns = places.iter().filter_map(|place| weighed.binnings.get(*place));
            let columns = columns.map(Binning::feature);
            match weighed.host_values {
                Some(_) => columns.map(named).collect(),
                None => columns.map(str::to_owned).collect(),
            }
        }
    }
}

fn check_coefficients(
    coefficients: &[Coefficient],
    intercept: f64,
    expected: &[String],
) -> Result<(), String> {
    if !intercept.is_finite() || !coefficients.iter().all(|it| it.weight.is_finite()) {
        return Err("its coefficients are not all finite".to_owned());
    }
    let mut names: Vec<&str> = coefficients.iter().map(|it| it.feature.as_str()).collect();
    names.sort_unstable();
    if names.iter().eq(expected) {
        return Ok(());
    }
    Err("its coefficients are of other features than it prepares".to_owned())
}

fn check_weighed(weighed: &Weighed, role: Role) -> Result<(), String> {
    let Weighed { binnings, own, host_values, feature_of_number, bin_of_code } = weighed;
    let refuse = |rule: &str| Err(rule.to_owned());
    let values = || host_values.iter().flatten();
    if values().flatten().chain(own.iter().flat_map(|it| &it.values)).any(|it| !it.is_finite()) {
        return refuse("a weight of evidence is not finite");
    }
    if values().any(|values| !(1..=BINS_MAX).contains(&values.len())) {
        return refuse("a column has 1 to 256 bins");
    }
    let fits = |own: &crate::run::OwnWoe| {
        let binning = binnings.iter().find(|it| it.feature() == own.column);
        binning.is_some_and(|it| it.codes_count() == own.values.len())
    };
    if role == Role::Guest {
        let is_whole = own.len() == binnings.len() && own.iter().all(fits);
        return match (is_whole, feature_of_number, bin_of_code) {
            (true, None, None) => Ok(()),
            _ => refuse("its weight of evidence is not that of its bins"),
        };
    }
    let (Some(places), Some(bins)) = (feature_of_number, bin_of_code) else {
        return match (feature_of_number, bin_of_code, host_values, binnings.is_empty()) {
            (None, None, None, true) => Ok(()),
            _ => refuse("the numbers of its anonymous columns are missing"),
        };
    };
    let bins_fit = |(place, bins): (&usize, &Vec<usize>)| {
        let binning = binnings.get(*place);
        binning.is_some_and(|it| it.codes_count() == bins.len())
            && bins.iter().all(|bin| *bin < BINS_MAX)
    };
    let is_whole =
        own.is_empty() && places.len() == bins.len() && places.iter().zip(bins).all(bins_fit);
    let knows = |values: &Vec<Vec<f64>>| {
        let enough =
            |(values, bins): (&Vec<f64>, &Vec<usize>)| bins.iter().all(|bin| *bin < values.len());
        values.len() == bins.len() && values.iter().zip(bins).all(enough)
    };
    if is_whole && host_values.as_ref().is_none_or(knows) {
        return Ok(());
    }
    refuse("the numbers of its anonymous columns are not those of its bins")
}

fn check_host_trees(trees: &HostTrees, binnings: &[Binning]) -> Result<(), String> {
    for split in &trees.splits {
        let binning = binnings.iter().find(|binning| binning.feature() == split.feature);
        let bins = binning.map_or(0, Binning::bins);
        if !(1..=bins).contains(&usize::from(split.bin)) {
            let (bin, column) = (split.bin, &split.feature);
            return Err(format!("a split asks for bin {bin} of column `{column}`, which it lacks"));
        }
    }
    Ok(())
}
