//! Charts and a page with made-up but plausible numbers, the same in every run.

use contract::{Audience, Disclosure, DisclosureKind, Frequency, Observed};
use report::chart::{Chart, Line, RankedBar, RankingChart, Tone};
use report::figure::{self, EvidenceBin, InformationValue, KsPlace, ScoreBand};
use report::message::{self, Quantity, Text, Unit, neutral};
use report::page::{
    Better, Card, Comparison, ComparisonRow, Difference, DisclosedStep, DisclosureStatement,
    Notice, Part, Provenance, Report, Section, StepUse, StepUses, Tile,
};

/// Every chart kind with its file name.
pub(crate) fn charts() -> Vec<(&'static str, Chart)> {
    vec![
        ("roc", roc()),
        ("precision_recall", figure::precision_recall(vec![curve(Tone::Joint, falling)], 0.117)),
        ("ks", ks()),
        ("gains", figure::gains(pair(|x| x.powf(0.32), |x| x.powf(0.45)), Some(0.117))),
        ("lift", figure::lift(pair(|x| x.max(0.01).powf(-0.62), |x| x.max(0.01).powf(-0.5)))),
        ("calibration", calibration()),
        ("profit", profit()),
        ("evidence", evidence()),
        ("importance", importance()),
        ("score_distribution", score_distribution()),
        ("stability", stability()),
        ("correlation", correlation()),
        ("coefficients", coefficients()),
        ("empty", figure::correlation(Vec::new(), Vec::new())),
    ]
}

/// A page with every kind of part.
pub(crate) fn page() -> Report {
    Report::new(Text::new("Term deposit: who will say yes?", "定期存款：哪些客户会购买？"))
        .subtitle(Text::new(
            "Joint model of a bank and an operator, compared with the bank alone",
            "银行与运营商联合模型，与银行单独建模对比",
        ))
        .seen_by("bank")
        .fact(Text::new("Job", "任务"), neutral("term-deposit"))
        .fact(Text::new("Purpose", "用途"), neutral("marketing.activation"))
        .fact(Text::new("Seed", "随机种子"), neutral("20261122"))
        .fact(Text::new("Test rows", "测试集样本"), Quantity::count(12_357).text())
        .section(result_section())
        .section(charts_section())
        .section(bands_section())
        .section(trust_section())
}

fn result_section() -> Section {
    let tile = |label, value, note| Tile { label, value, note, provenance: Provenance::Real };
    let alone = |value: f64, digits| {
        let value = Quantity::decimal(value, digits);
        Some(Text::owned(
            format!("guest alone {}", value.text().en),
            format!("单独 {}", value.text().zh),
        ))
    };
    Section::new(Text::new("Result", "结果"))
        .lead(Text::new(
            "What the partner's columns add, measured on rows that no model has seen.",
            "合作方特征带来的提升，在模型未见过的测试样本上衡量。",
        ))
        .part(Part::Tiles(vec![
            tile(message::area_under_curve(), Quantity::decimal(0.7934, 3), alone(0.7421, 3)),
            tile(message::metric_ks(), Quantity::decimal(0.4521, 3), alone(0.3704, 3)),
            tile(message::metric_lift("5%"), Quantity::factor(5.12, 1), alone(3.9, 1)),
            Tile {
                label: Text::new("Partner's match rate", "合作方匹配率"),
                value: Quantity::percent(0.93, 0),
                note: None,
                provenance: Provenance::Claimed,
            },
        ]))
        .part(Part::Comparison(comparison()))
        .part(Part::Notice(
            Notice::Caution,
            Text::new(
                "The column “duration” is known only after the call and was left out: with it, AUC \
                 would look like 0.93 and be worthless.",
                "“duration” 字段在通话结束后才可获知，已剔除；保留它 AUC 会虚高至 0.93，没有实际意义。",
            ),
        ))
}

fn comparison() -> Comparison {
    let row = |metric, alone: f64, joint: f64, interval: Option<(f64, f64)>| ComparisonRow {
        metric,
        values: vec![Quantity::decimal(alone, 3), Quantity::decimal(joint, 3)],
        difference: Some(Difference {
            value: Quantity::decimal(joint - alone, 3),
            interval: interval
                .map(|(low, high)| (Quantity::decimal(low, 3), Quantity::decimal(high, 3))),
            better: Better::Higher,
        }),
    };
    let mut brier = row(message::metric_brier(), 0.0912, 0.0874, Some((-0.0051, -0.0024)));
    if let Some(difference) = &mut brier.difference {
        difference.better = Better::Lower;
    }
    Comparison {
        title: Text::new("Logistic regression, later customers", "逻辑回归，按时间切分"),
        scores: vec![message::guest_alone(), message::joint_model()],
        rows: vec![
            row(message::area_under_curve(), 0.7421, 0.7934, Some((0.0402, 0.0631))),
            row(message::metric_ks(), 0.3704, 0.4521, Some((0.0598, 0.1023))),
            row(message::metric_precision("1%"), 0.5512, 0.5634, Some((-0.0312, 0.0551))),
            row(message::metric_recall("10%"), 0.3312, 0.4204, None),
            brier,
        ],
        provenance: Provenance::Real,
    }
}

fn charts_section() -> Section {
    let card = |chart, provenance| Card { chart, provenance };
    Section::new(Text::new("Curves", "曲线")).part(Part::Charts(vec![
        card(calibration(), Provenance::Real),
        card(evidence(), Provenance::Simulated),
    ]))
}

fn bands_section() -> Section {
    let band = |name: &str, rows, positives: f64, rate: f64, reached: (f64, f64, f64)| ScoreBand {
        name: neutral(name),
        rows,
        positives,
        rate,
        lift: rate / 0.117,
        cumulative_share: reached.0,
        cumulative_recall: reached.1,
        cumulative_ks: reached.2,
    };
    let bands = [
        band("1", 618, 341.0, 0.5518, (0.05, 0.236, 0.211)),
        band("2", 618, 240.0, 0.3883, (0.1, 0.402, 0.342)),
        band("3", 618, 1.0, 0.0016, (0.15, 0.403, 0.287)),
    ];
    let feature = |name: &str, owner: &str, value, outcome| InformationValue {
        feature: neutral(name),
        owner: owner.to_owned(),
        bins: 8,
        value,
        outcome,
    };
    let features = vec![
        feature("age", "bank", 0.204, Text::new("kept", "保留")),
        feature("f_07", "operator", 0.612, Text::new("kept", "保留")),
        feature("loan", "bank", 0.003, Text::new("dropped: IV below 0.02", "剔除：IV 低于 0.02")),
    ];
    let table = |title, table| Part::Table { title, table, provenance: Some(Provenance::Real) };
    Section::new(Text::new("Score bands and features", "评分分段与特征"))
        .part(table(Text::new("Joint model", "联合模型"), figure::score_bands(&bands)))
        .part(Part::Folded {
            title: Text::new("Features by themselves", "单特征分析"),
            parts: vec![table(message::information_value(), figure::information_values(features))],
        })
}

fn trust_section() -> Section {
    Section::new(Text::new("Who learnt what, and what it took", "披露与开销"))
        .part(Part::Disclosure(statement()))
        .part(Part::Paragraph(Text::new("Seen from the bank's machine.", "以银行一侧的机器为准。")))
        .part(Part::Steps(steps()))
        .part(Part::Notice(
            Notice::Remark,
            Text::new("Both parties ran on one machine.", "双方运行在同一台机器上。"),
        ))
}

fn statement() -> DisclosureStatement {
    let disclose = |to, key: &'static str, kind, count, what| Disclosure {
        to,
        key: key.into(),
        what,
        kind,
        count,
    };
    let align = DisclosedStep {
        name: Text::new("Alignment", "样本对齐"),
        declared: vec![
            disclose(
                Audience::All,
                "intersection.rows",
                DisclosureKind::Result,
                Frequency::Once,
                Text::new(
                    "which of its own customers are common to both",
                    "己方哪些客户为双方共有",
                ),
            ),
            disclose(
                Audience::All,
                "table.rows",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new("how many rows the other side brings", "对方提供的样本数"),
            ),
        ],
        observed: Some(vec![Observed {
            to: Audience::Guest,
            party: None,
            key: "intersection.rows".into(),
            count: 41_188,
        }]),
    };
    let train = DisclosedStep {
        name: neutral("logistic_regression"),
        declared: vec![disclose(
            Audience::Guest,
            "score.inference",
            DisclosureKind::Inference,
            Frequency::Once,
            Text::new(
                "the host's part of a test row's score, from the joint score and its own \
                 coefficients",
                "由联合分数与己方系数可推得测试样本中对方的部分得分",
            ),
        )],
        observed: Some(vec![Observed {
            to: Audience::Host,
            party: None,
            key: "labels".into(),
            count: 3,
        }]),
    };
    DisclosureStatement {
        guest: "bank".into(),
        hosts: vec!["operator".into()],
        steps: vec![align, train],
    }
}

fn steps() -> StepUses {
    StepUses {
        steps: vec![
            StepUse::local("load", 0.21, 0.2),
            StepUse {
                name: neutral("align"),
                seconds: 6.2,
                cpu_seconds: 11.4,
                bytes_sent: 3_100_000,
                bytes_received: 4_400_000,
                rounds: 3,
            },
            StepUse {
                name: neutral("train.0/logistic_regression"),
                seconds: 21.5,
                cpu_seconds: 38.9,
                bytes_sent: 61_000_000,
                bytes_received: 18_000_000,
                rounds: 212,
            },
        ],
    }
}

fn curve(tone: Tone, height: impl Fn(f64) -> f64) -> Line {
    let name = match tone {
        Tone::Guest => message::guest_alone(),
        _ => message::joint_model(),
    };
    let points = (0..=200).map(|index| f64::from(index) / 200.0).map(|x| (x, height(x)));
    Line::new(name, tone, points.collect())
}

fn pair(joint: fn(f64) -> f64, alone: fn(f64) -> f64) -> Vec<Line> {
    vec![curve(Tone::Guest, alone), curve(Tone::Joint, joint)]
}

fn falling(recall: f64) -> f64 {
    0.117 + 0.6 * (1.0 - recall).powf(1.7)
}

fn roc() -> Chart {
    let mut lines = pair(|x| x.powf(0.26), |x| x.powf(0.36));
    for (line, auc) in lines.iter_mut().zip([0.7421, 0.7934]) {
        line.name = figure::named_auc(&line.name, auc);
    }
    figure::roc(lines)
}

fn ks() -> Chart {
    let points = |height: fn(f64) -> f64| curve(Tone::Joint, height).points;
    let positives: fn(f64) -> f64 = |x| x.powf(0.36);
    let negatives: fn(f64) -> f64 = |x| x.powf(1.25);
    let place = KsPlace { share: 0.26, positives: positives(0.26), negatives: negatives(0.26) };
    figure::kolmogorov_smirnov(&message::joint_model(), points(positives), points(negatives), place)
}

fn calibration() -> Chart {
    let groups = [0.012, 0.025, 0.04, 0.058, 0.081, 0.11, 0.15, 0.21, 0.31, 0.55];
    let line = |tone, shift: f64| {
        let points = groups.map(|x: f64| (x, x + shift * (12.0 * x).sin()));
        let mut line = curve(tone, |x| x);
        line.points = points.to_vec();
        line
    };
    figure::calibration(vec![line(Tone::Guest, 0.05), line(Tone::Joint, -0.02)])
}

fn profit() -> Chart {
    let lines = pair(
        |x| 52_000.0 * x.powf(0.45) - 61_000.0 * x,
        |x| 43_000.0 * x.powf(0.55) - 61_000.0 * x,
    );
    figure::profit(lines, &Text::new("CNY", "元"), Some(0.748), Some((0.17, 13_054.0)))
}

fn evidence() -> Chart {
    let names =
        ["missing", "≤ 25", "(25, 30]", "(30, 35]", "(35, 42]", "(42, 50]", "(50, 60]", "> 60"];
    let weights = [-0.4, 0.62, 0.21, -0.05, -0.31, -0.42, -0.1, 0.95];
    let bins = names.iter().zip(weights).map(|(name, weight): (_, f64)| EvidenceBin {
        name: if *name == "missing" { Text::new("missing", "缺失") } else { neutral(*name) },
        weight,
        rate: 0.117 / (0.117 + 0.883 * (-weight).exp()),
    });
    figure::weight_of_evidence(&neutral("age"), Tone::Guest, 0.204, &bins.collect::<Vec<_>>())
}

fn importance() -> Chart {
    let names = ["euribor3m", "nr.employed", "poutcome", "pdays", "month", "contact", "age", "job"];
    let features = names.iter().enumerate().map(|(index, name)| {
        let tone = if index % 3 == 0 { Tone::Host } else { Tone::Guest };
        (neutral(*name), tone, 0.31 / (1.0 + index as f64))
    });
    figure::importance(Text::new("Gain", "增益"), features.collect())
}

fn score_distribution() -> Chart {
    let groups = (0..20).map(|index| neutral(format!("{}–{}", index * 50, index * 50 + 50)));
    let shape = |middle: f64| {
        let heights: Vec<f64> =
            (0..20).map(|index| (-(f64::from(index) - middle).powi(2) / 14.0).exp()).collect();
        let total: f64 = heights.iter().sum();
        heights.into_iter().map(|height| height / total).collect()
    };
    figure::score_distribution(&message::joint_model(), groups.collect(), shape(13.0), shape(7.0))
}

fn stability() -> Chart {
    let groups = (1..=10).map(|index| neutral(index.to_string())).collect();
    let test = [0.11, 0.105, 0.098, 0.102, 0.1, 0.094, 0.096, 0.103, 0.097, 0.095];
    figure::stability(&message::joint_model(), groups, vec![0.1; 10], test.to_vec(), 0.0032)
}

fn correlation() -> Chart {
    let names = ["age", "balance", "calls", "euribor3m", "nr.employed"];
    let values = [
        [1.0, 0.12, f64::NAN, -0.05, 0.08],
        [0.12, 1.0, 0.31, f64::NAN, -0.22],
        [f64::NAN, 0.31, 1.0, 0.64, 0.48],
        [-0.05, f64::NAN, 0.64, 1.0, 0.95],
        [0.08, -0.22, 0.48, 0.95, 1.0],
    ];
    let rows = names.iter().zip(values).map(|(name, row)| (neutral(*name), row.to_vec()));
    figure::correlation(names.iter().map(|name| neutral(*name)).collect(), rows.collect())
}

fn coefficients() -> Chart {
    let bar = |name: &str, value: f64, tone| RankedBar {
        name: neutral(name),
        value,
        tone,
        interval: Some((value - 0.11, value + 0.11)),
    };
    Chart::Ranking(RankingChart {
        title: Text::new("Own coefficients", "己方系数"),
        description: Text::new(
            "Log-odds per standard deviation, with 95% intervals.",
            "每个标准差对应的对数几率变化及 95% 置信区间。",
        ),
        value_label: Text::new("Coefficient", "系数"),
        unit: Unit::Number,
        digits: 2,
        legend: Vec::new(),
        bars: vec![
            bar("poutcome = success", 0.82, Tone::Guest),
            bar("month = mar", 0.33, Tone::Guest),
            bar("a feature with a very long name indeed", 0.04, Tone::Guest),
            bar("contact = telephone", -0.57, Tone::Guest),
        ],
    })
}
