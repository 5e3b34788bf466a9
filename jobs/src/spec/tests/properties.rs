//! Nothing that can be written into a file makes the parser panic, hang or point outside it.

use proptest::prelude::*;

use super::EXAMPLE;
use crate::spec::JobSpec;

fn check(source: &str) {
    if let Err(error) = JobSpec::parse("job.yaml", source) {
        assert!(!error.problems().is_empty());
        for problem in error.problems() {
            assert!(problem.place().line() >= 1 && problem.place().column() >= 1);
            assert!(problem.place().line() <= source.lines().count() + 1);
        }
        assert!(!error.to_string().is_empty());
    }
}

proptest! {
    #[test]
    fn any_text(source in any::<String>()) {
        check(&source);
    }

    #[test]
    fn any_text_of_yaml_marks(source in "[a-c0 \t\n:,{}\\[\\]\"'|>?!&*%@#-]{0,200}") {
        check(&source);
    }

    #[test]
    fn a_job_with_a_stretch_replaced(
        start in 0..EXAMPLE.len(),
        length in 0_usize..40,
        new in "[ -~\n\u{4e00}-\u{4e10}]{0,20}",
    ) {
        let end = (start + length).min(EXAMPLE.len());
        prop_assume!(EXAMPLE.is_char_boundary(start) && EXAMPLE.is_char_boundary(end));
        check(&format!("{}{new}{}", &EXAMPLE[..start], &EXAMPLE[end..]));
    }

    #[test]
    fn a_job_with_lines_moved(from in 0_usize..30, to in 0_usize..30, indent in 0_usize..6) {
        let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
        let line = lines.remove(from % lines.len());
        lines.insert(to % lines.len(), format!("{}{}", " ".repeat(indent), line.trim_start()));
        check(&lines.join("\n"));
    }
}

#[test]
fn deep_and_long_files_are_refused_quickly() {
    for source in [
        "[".repeat(200_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "a: &b [1]\n".repeat(2),
        "x".repeat(super::super::node::BYTES_MAX + 1),
        format!("[{}]", "a,".repeat(200_000)),
        (0..20_000).map(|index| format!("k{index}: 1")).collect::<Vec<_>>().join("\n"),
    ] {
        assert!(JobSpec::parse("job.yaml", &source).is_err());
    }
}
