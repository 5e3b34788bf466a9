//! Lines, changes and breaches in words.

use contract::Text;

use super::covers::{Breach, Why};
use super::diff::Change;
use super::line::{Entry, Line};
use super::terms::{Allowed, Column, Terms, Value};
use crate::metering::{PriceLine, UsageKind};

impl Line {
    /// What the line is about. `terms` name the parties.
    pub fn text(&self, terms: &Terms) -> Text {
        let name = |member| terms.name_of(member);
        match self {
            Self::Title => Text::new("title", "标题"),
            Self::Party(member) => of("party {0}", "参与方 {0}", &[&name(member)]),
            Self::Purpose(purpose) => of("purpose {0}", "使用目的 {0}", &[purpose]),
            Self::LegalBasis => Text::new("legal basis", "合法性基础"),
            Self::Table { party, table } => {
                of("{0} gives table {1}", "{0} 提供数据表 {1}", &[&name(party), table])
            }
            Self::Column { party, table, column, used_as } => {
                let it = of(
                    "{0} gives column {2} of table {1}",
                    "{0} 提供数据表 {1} 的字段 {2}",
                    &[&name(party), table, column],
                );
                let used_as = used_as.text();
                Text::owned(
                    format!("{} as {}", it.en, used_as.en),
                    format!("{}，用作{}", it.zh, used_as.zh),
                )
            }
            Self::Component { component, privacy } => {
                of("{0} may run, {1}", "可运行 {0}（{1}）", &[component, privacy])
            }
            Self::Setting { component, setting } => {
                of("setting {1} of {0}", "{0} 的参数 {1}", &[component, setting])
            }
            Self::Disclosure { key, to } => {
                of("{1} learns {0}", "{1} 可获知 {0}", &[key, &name(to)])
            }
            Self::MinimumGroup => {
                Text::new("smallest group shown (rows)", "可展示的最小分组（行数）")
            }
            Self::PrivacyBudget => Text::new("privacy budget (epsilon)", "隐私预算（ε）"),
            Self::RunsPerMonth => Text::new("runs in a month", "每月运行次数"),
            Self::Runs => Text::new("runs in all", "运行总次数"),
            Self::Attempts => Text::new("attempts at one run", "单次运行的最多启动次数"),
            Self::ValidFrom => Text::new("valid from", "生效时间"),
            Self::ValidUntil => Text::new("valid until", "有效期至"),
            Self::Months => Text::new("time zone by which months are counted", "按月统计所用时区"),
            Self::Currency => Text::new("currency", "币种"),
            Self::Price(it) => {
                let kind = it.kind.text();
                let names = [name(&it.payer), name(&it.payee)];
                Text::owned(
                    format!("{} pays {} for {}", names[0], names[1], kind.en),
                    format!("{} 向 {} 支付{}费用", names[0], names[1], kind.zh),
                )
            }
        }
    }
}

impl Entry {
    /// What the line says.
    pub fn text(&self) -> Text {
        match self {
            Self::Text(text) => same(text),
            Self::Yes => Text::new("allowed", "允许"),
            Self::Allowed(allowed) => allowed.text(),
            Self::Count(None) => Text::new("no limit", "不限"),
            Self::Budget(None) => Text::new("none", "无"),
            Self::Count(Some(count)) => same(&count.to_string()),
            Self::Budget(Some(budget)) => same(&budget.to_string()),
            Self::Time(time) => same(&time.to_string()),
            Self::Offset(minutes) => {
                let sign = if *minutes < 0 { '-' } else { '+' };
                let size = minutes.unsigned_abs();
                same(&format!("UTC{sign}{:02}:{:02}", size / 60, size % 60))
            }
            Self::Price(price) => price.text(),
        }
    }
}

impl Change {
    /// The change in words; `terms` name the parties.
    pub fn text(&self, terms: &Terms) -> Text {
        let line = self.line.text(terms);
        let (en, zh) = (line.en, line.zh);
        match [&self.before, &self.after].map(|it| it.as_ref().map(Entry::text)) {
            [None, Some(after)] => {
                Text::owned(format!("new: {en}: {}", after.en), format!("新增：{zh}：{}", after.zh))
            }
            [Some(before), None] => Text::owned(
                format!("removed: {en}: {}", before.en),
                format!("删除：{zh}：{}", before.zh),
            ),
            [Some(before), Some(after)] => Text::owned(
                format!("{en}: {} instead of {}", after.en, before.en),
                format!("{zh}：由 {} 改为 {}", before.zh, after.zh),
            ),
            [None, None] => Text::owned(en.into_owned(), zh.into_owned()),
        }
    }
}

impl Breach {
    /// Why the job is not covered, and which line would have to say otherwise.
    pub fn text(&self, terms: &Terms) -> Text {
        let line = self.line.text(terms);
        let why = self.why.text();
        Text::owned(format!("{}: {}", line.en, why.en), format!("{}：{}", line.zh, why.zh))
    }
}

impl Why {
    fn text(&self) -> Text {
        match self {
            Self::NotThere => Text::new("the agreement has no such line", "协议中没有这一条"),
            Self::NotShown => Text::new(
                "the component has no such setting, so nobody can tell whether this line is kept",
                "该组件没有这个参数，无法判断是否符合本条",
            ),
            Self::PartyMissing => {
                Text::new("it does not take part in the job", "该方没有参与此任务")
            }
            Self::NoColumns => Text::new(
                "the job does not say which of its columns it uses, and as what",
                "任务没有说明使用其中哪些字段及用途",
            ),
            Self::Value(Value::Number(number)) => says(&number.to_string()),
            Self::Value(Value::Word(word)) => says(word),
            Self::Group(rows) => of(
                "the job shows groups of {0} rows",
                "任务会展示 {0} 行的分组",
                &[&rows.to_string()],
            ),
            Self::Budget(Some(budget)) => of(
                "with all attempts at this job {0} would be spent",
                "计入此任务的全部启动次数，预算消耗将达 {0}",
                &[&budget.to_string()],
            ),
            Self::Budget(None) => Text::new("the budget cannot be counted", "预算超出可计范围"),
            Self::RunsUsed(runs) => {
                of("{0} runs were made already", "已运行 {0} 次", &[&runs.to_string()])
            }
            Self::NotYet => Text::new("it is not in force yet", "尚未生效"),
            Self::Over => Text::new("it is over", "已到期"),
        }
    }
}

impl Column {
    /// The name people read.
    pub const fn text(self) -> Text {
        match self {
            Self::Key => Text::new("key", "关联键"),
            Self::Label => Text::new("label", "标签"),
            Self::Feature => Text::new("feature", "特征"),
            Self::Weight => Text::new("weight", "样本权重"),
            Self::Time => Text::new("time", "时间"),
            Self::Offset => Text::new("offset", "偏移量"),
            Self::Group => Text::new("group", "排序分组"),
            Self::Item => Text::new("item", "物品"),
            Self::Sum => Text::new("summed column", "求和字段"),
            Self::Payload => Text::new("sent column", "发送字段"),
        }
    }
}

impl UsageKind {
    /// The name people read.
    pub const fn text(self) -> Text {
        match self {
            Self::Rows => Text::new("rows", "行数"),
            Self::Hits => Text::new("hits", "命中"),
            Self::Calls => Text::new("calls", "调用"),
            Self::Jobs => Text::new("jobs", "任务"),
        }
    }
}

impl Allowed {
    fn text(&self) -> Text {
        match self {
            Self::Anything => Text::new("anything", "任意取值"),
            Self::Between(least, most) => {
                of("{0} to {1}", "{0} 至 {1}", &[&least.to_string(), &most.to_string()])
            }
            Self::OneOf(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                Text::owned(words.join(" or "), words.join(" 或 "))
            }
        }
    }
}

impl PriceLine {
    fn text(&self) -> Text {
        let free = (self.included > 0).then(|| {
            let count = self.included;
            [format!(", {count} a month free"), format!("，每月免费额度 {count}")]
        });
        let capped = self
            .at_most
            .map(|most| [format!(", at most {most} a month"), format!("，每月封顶 {most}")]);
        let ([free_en, free_zh], [capped_en, capped_zh]) =
            (free.unwrap_or_default(), capped.unwrap_or_default());
        let Self { price, per, .. } = self;
        Text::owned(
            format!("{price} minor units for each {per}{free_en}{capped_en}"),
            format!("每 {per} 收费 {price}（最小货币单位）{free_zh}{capped_zh}"),
        )
    }
}

fn says(value: &str) -> Text {
    of("the job says {0}", "任务中为 {0}", &[value])
}

fn same(text: &str) -> Text {
    Text::owned(text.to_owned(), text.to_owned())
}

/// A text with `{0}`, `{1}` … replaced by what people wrote, which is not searched again.
fn of(en: &str, zh: &str, values: &[&str]) -> Text {
    let fill = |pattern: &str| {
        let mut text = String::new();
        let mut pieces = pattern.split('{');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (index, rest) = piece.split_once('}').unwrap_or((piece, ""));
            let value = index.parse::<usize>().ok().and_then(|index| values.get(index));
            text.push_str(value.copied().unwrap_or_default());
            text.push_str(rest);
        }
        text
    };
    Text::owned(fill(en), fill(zh))
}
