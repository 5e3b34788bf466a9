//! Whatever the numbers and names are, drawing ends, does not panic, and gives well-formed XML
//! whose coordinates all lie on the canvas.

use proptest::collection::vec;
use proptest::prelude::*;
use report::chart::{
    Axis, Chart, ColumnChart, ColumnSeries, HeatChart, Line, LineChart, Mark, RankedBar,
    RankingChart, Tone,
};
use report::figure;
use report::message::{Languages, Text, Unit};
use report::page::{Card, Notice, Part, Provenance, Report, Section};

fn text() -> impl Strategy<Value = Text> {
    let part = prop_oneof!["[a-z]{0,8}", any::<String>(), Just("<b>&\"'\u{0}]]>".to_owned())];
    (part.clone(), part).prop_map(|(en, zh)| Text::owned(en, zh))
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1.0..1.0_f64,
        1 => any::<f64>(),
        1 => prop_oneof![
            Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(f64::MIN), Just(0.0),
            Just(f64::MIN_POSITIVE), Just(1e-320),
        ],
    ]
}

fn tone() -> impl Strategy<Value = Tone> {
    prop_oneof![Just(Tone::Joint), Just(Tone::Guest), Just(Tone::Reference), Just(Tone::Extra)]
}

fn unit() -> impl Strategy<Value = Unit> {
    let units = [Unit::Number, Unit::Percent, Unit::Factor, Unit::Bytes, Unit::Seconds];
    proptest::sample::select(units.to_vec())
}

fn axis() -> impl Strategy<Value = Axis> {
    (text(), unit(), proptest::option::of((number(), number())))
        .prop_map(|(label, unit, range)| Axis { label, unit, range })
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        (number(), text()).prop_map(|(x, label)| Mark::Vertical { x, label }),
        (number(), number(), number(), text()).prop_map(|(x, from, to, label)| Mark::Gap {
            x,
            from,
            to,
            label
        }),
        (number(), number(), text()).prop_map(|(x, y, label)| Mark::Point { at: (x, y), label }),
    ]
}

fn line_chart() -> impl Strategy<Value = Chart> {
    let line = (text(), tone(), vec((number(), number()), 0..60), any::<bool>())
        .prop_map(|(name, tone, points, dots)| Line { name, tone, points, dots });
    (text(), text(), axis(), axis(), vec(line, 0..4), vec(mark(), 0..3)).prop_map(
        |(title, description, x, y, lines, marks)| {
            Chart::Lines(LineChart { title, description, x, y, lines, marks })
        },
    )
}

fn column_chart() -> impl Strategy<Value = Chart> {
    let series = || {
        (text(), tone(), vec(number(), 0..30)).prop_map(|(name, tone, values)| ColumnSeries {
            name,
            tone,
            values,
        })
    };
    let line = proptest::option::of((axis(), series()));
    (text(), vec(text(), 0..30), axis(), vec(series(), 0..3), line).prop_map(
        |(title, categories, y, columns, line)| {
            Chart::Columns(ColumnChart {
                description: title.clone(),
                categories_label: title.clone(),
                title,
                categories,
                y,
                columns,
                line,
            })
        },
    )
}

fn ranking_chart() -> impl Strategy<Value = Chart> {
    let bar = (text(), number(), tone(), proptest::option::of((number(), number())))
        .prop_map(|(name, value, tone, interval)| RankedBar { name, value, tone, interval });
    (text(), unit(), 0..400_usize, vec(bar, 0..10)).prop_map(|(title, unit, digits, bars)| {
        Chart::Ranking(RankingChart {
            description: title.clone(),
            value_label: title.clone(),
            legend: vec![(title.clone(), Tone::Host)],
            title,
            unit,
            digits,
            bars,
        })
    })
}

fn heat_chart() -> impl Strategy<Value = Chart> {
    let row = (text(), vec(number(), 0..8));
    (text(), vec(text(), 0..8), vec(row, 0..8), unit(), proptest::option::of(number())).prop_map(
        |(title, columns, rows, unit, full)| {
            let description = title.clone();
            Chart::Heat(HeatChart { title, description, columns, rows, unit, digits: 2, full })
        },
    )
}

fn chart() -> impl Strategy<Value = Chart> {
    prop_oneof![line_chart(), column_chart(), ranking_chart(), heat_chart()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_chart_is_well_formed_and_stays_on_its_canvas(chart in chart()) {
        let svg = chart.to_svg(Languages::Both);
        let document = roxmltree::Document::parse(&svg).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{svg}"))
        })?;
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            for name in ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height"] {
                let Some(value) = node.attribute(name) else { continue };
                let pixels: f64 = value.parse().unwrap();
                prop_assert!((-50.0..=5000.0).contains(&pixels), "{name}={value}\n{svg}");
            }
        }
        let _ = chart.table();
    }

    #[test]
    fn any_page_is_well_formed(charts in vec(chart(), 0..3), words in vec(text(), 3)) {
        let cards = charts.into_iter().map(|chart| Card { chart, provenance: Provenance::Claimed });
        let html = Report::new(words[0].clone())
            .seen_by(words[2].en.clone())
            .fact(words[1].clone(), words[2].clone())
            .section(
                Section::new(words[1].clone())
                    .lead(words[2].clone())
                    .part(Part::Charts(cards.collect()))
                    .part(Part::Notice(Notice::Caution, words[0].clone())),
            )
            .to_html();
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let parsed = roxmltree::Document::parse_with_options(&html, options);
        prop_assert!(parsed.is_ok(), "{:?}", parsed.err());
    }

    #[test]
    fn figures_take_any_points(points in vec((number(), number()), 0..40), value in number()) {
        let line = || Line::new(Text::new("score", "分数"), Tone::Joint, points.clone());
        let place = figure::KsPlace { share: value, positives: value, negatives: value };
        let name = Text::new("score", "分数");
        let charts = [
            figure::roc(vec![line()]),
            figure::precision_recall(vec![line()], value),
            figure::kolmogorov_smirnov(&name, points.clone(), points.clone(), place),
            figure::gains(vec![line()], Some(value)),
            figure::lift(vec![line()]),
            figure::calibration(vec![line()]),
            figure::profit(vec![line()], &name, Some(value), Some((value, value))),
        ];
        for chart in charts {
            let svg = chart.to_svg(Languages::Both);
            prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{svg}");
        }
    }
}
