//! `tombolo components`: what a job can be made of.

use contract::{ComponentDescriptor, ParameterKind, Text, catalogue};
use report::message::{Language, neutral};
use report::table::{Cell, Column, Table};

use crate::failure::Failure;
use crate::screen;

/// Prints the list, or one component.
pub(crate) fn components(name: Option<&str>, language: Language) -> Result<(), Failure> {
    let Some(name) = name else {
        screen::table(&list(), language);
        return Ok(());
    };
    let found = catalogue::find(name)
        .or_else(|| catalogue::all().iter().copied().find(|it| it.short_name() == name));
    let Some(component) = found else {
        let names: Vec<&str> = catalogue::all().iter().map(|it| it.name).collect();
        return Err(Failure::usage(format!(
            "there is no component `{name}`; there are {}",
            names.join(", ")
        )));
    };
    show(component, language);
    Ok(())
}

fn list() -> Table {
    let mut table = Table::new(vec![
        Column::words(Text::new("component", "组件")),
        Column::words(Text::new("name", "名称")),
        Column::words(Text::new("privacy modes", "隐私模式")),
    ]);
    for component in catalogue::all() {
        table.push(vec![
            Cell::text(neutral(component.name)),
            Cell::text(component.title.clone()),
            Cell::text(neutral(component.mode_names().join(", "))),
        ]);
    }
    table
}

fn show(component: &ComponentDescriptor, language: Language) {
    screen::data(&format!("{}  {}", component.name, language.of(&component.title)));
    screen::data(&format!("{}\n", language.of(&component.description)));
    if !component.parameters.is_empty() {
        screen::table(&parameters(component), language);
    }
    if component.name.starts_with("train.") {
        screen::data(&format!("\n{}", language.of(&EVERY_MODEL)));
    }
    for mode in component.modes {
        let parties = if mode.several_hosts { SEVERAL_HOSTS } else { ONE_HOST };
        let (summary, parties) = (language.of(&mode.summary), language.of(&parties));
        screen::data(&format!("\nprivacy: {} ({parties})\n{summary}", mode.name));
        for disclosure in mode.disclosures {
            let (to, kind) =
                (disclosure.to.name(), language.of(&disclosure.kind.title()).to_owned());
            screen::data(&format!("  {to:<6} {} ({kind})", language.of(&disclosure.what)));
        }
    }
}

fn parameters(component: &ComponentDescriptor) -> Table {
    let mut table = Table::new(vec![
        Column::words(Text::new("setting", "设置")),
        Column::words(Text::new("default", "默认值")),
        Column::words(Text::new("allowed", "取值范围")),
        Column::words(Text::new("meaning", "含义")),
    ]);
    for parameter in component.parameters {
        let (default, allowed) = values(&parameter.kind);
        table.push(vec![
            Cell::text(neutral(parameter.name)),
            Cell::text(neutral(default)),
            Cell::text(neutral(allowed)),
            Cell::text(parameter.description.clone()),
        ]);
    }
    table
}

/// The default and the allowed values of a setting, as a job file writes them.
fn values(kind: &ParameterKind) -> (String, String) {
    match kind {
        ParameterKind::Flag { default } => (default.to_string(), "true, false".to_owned()),
        ParameterKind::Integer { default, minimum, maximum } => {
            (default.to_string(), format!("{minimum} to {maximum}"))
        }
        ParameterKind::Number { default, minimum, maximum } => {
            let default = default.map_or_else(|| "off".to_owned(), |value| value.to_string());
            (default, format!("{minimum} to {maximum}"))
        }
        ParameterKind::Share { default, minimum, maximum } => {
            (default.to_string(), format!("{minimum} to {maximum}"))
        }
        ParameterKind::Shares { default } => {
            let shares: Vec<String> = default.iter().map(ToString::to_string).collect();
            (format!("[{}]", shares.join(", ")), "a list of shares".to_owned())
        }
        ParameterKind::OfColumns { options } => {
            ("none".to_owned(), format!("{{ party: {{ column: {} }} }}", options.join(" or ")))
        }
        ParameterKind::Choice { default, options } => ((*default).to_owned(), options.join(", ")),
    }
}

const EVERY_MODEL: Text = Text::new(
    "Every model also takes `name: WORD`, what it is called in the results, and `best: N`, to use \
     only the N columns of the highest information value; a regression also `warm_start: { model: \
     JOB, step: NAME }`, to begin with the model of an earlier job.",
    "每个模型还可设 `name: 名称`（结果中的名称）与 `best: N`（只用信息值最高的 N 列）；\
     回归模型另可设 `warm_start: { model: 任务, step: 名称 }`，从先前任务的模型开始训练。",
);

const ONE_HOST: Text = Text::new("one guest and one host", "一个发起方与一个合作方");
const SEVERAL_HOSTS: Text =
    Text::new("one guest and one host or more", "一个发起方与一个或多个合作方");
