//! Charts and pages as they look today. `UPDATE_GOLDEN=1 cargo test -p tombolo-report` rewrites the
//! files; look at the pictures before committing them.

mod samples;

use std::{env, fs, path::Path};

use report::chart::Chart;
use report::message::{Language, Languages};

#[test]
fn charts_look_as_before() {
    for (name, chart) in samples::charts() {
        check(&format!("{name}.svg"), &chart.to_svg(Languages::Only(Language::English)));
    }
}

#[test]
fn the_page_looks_as_before() {
    check("page.html", &samples::page().to_html());
}

#[test]
fn the_page_is_one_file_in_two_languages() {
    let html = samples::page().to_html();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&html, options).unwrap();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        for attribute in node.attributes() {
            let is_link = ["src", "href"].contains(&attribute.name());
            assert!(!is_link || attribute.value().starts_with('#'), "{attribute:?}");
        }
        // Beside every text in one language stands the same text in the other.
        let language = node.attribute("lang").filter(|_| !node.has_tag_name("html"));
        if let Some(language) = language {
            let siblings = node.parent().unwrap().children();
            let other = if language == "en" { "zh" } else { "en" };
            let mut others = siblings.filter_map(|sibling| sibling.attribute("lang"));
            assert!(others.any(|tag| tag == other), "{:?} has no {other}", node.text());
        }
    }
    assert!(!html.contains("url(") && !html.contains("@import"));
}

#[test]
fn every_chart_names_itself_and_gives_its_numbers() {
    for (name, chart) in samples::charts() {
        let svg = chart.to_svg(Languages::Both);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"), "{name}");
        let children: Vec<&str> = root
            .children()
            .filter(roxmltree::Node::is_element)
            .map(|node| node.tag_name().name())
            .collect();
        assert_eq!(children[..2], ["title", "desc"], "{name}");
        assert_eq!(chart.table().is_empty(), name == "empty", "{name}");
    }
}

#[test]
fn a_chart_of_one_language_holds_no_other() {
    let only = |chart: &Chart, language| chart.to_svg(Languages::Only(language));
    for (name, chart) in samples::charts() {
        let english = only(&chart, Language::English);
        let wide = english.chars().find(|character| ('\u{4E00}'..='\u{9FFF}').contains(character));
        assert_eq!(wide, None, "{name}");
        assert!(!english.contains(" lang="), "{name}");
    }
}

#[expect(clippy::unwrap_used, reason = "a test that cannot write its golden file must fail")]
fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differs = expected.lines().zip(actual.lines()).position(|(was, is)| was != is);
    assert!(
        expected == actual,
        "{name} changed, first at line {}; UPDATE_GOLDEN=1 rewrites it",
        differs
            .map_or_else(|| expected.lines().count().min(actual.lines().count()), |line| line + 1),
    );
}
