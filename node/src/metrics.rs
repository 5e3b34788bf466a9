//! Numbers about the node in the text form of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// For each endpoint; their names are constants, so that there are no more than endpoints.
    answers: Mutex<BTreeMap<&'static str, Answers>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    /// By the first digit of the status.
    by_class: [u64; 6],
    /// Answers that took at most as long as [`BOUNDS`] says, and all.
    within: [u64; BOUNDS.len() + 1],
    seconds: f64,
}

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, endpoint: &'static str, status: StatusCode, seconds: f64) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = answers.entry(endpoint).or_default();
        answers.by_class[usize::from(status.as_u16() / 100).min(5)] += 1;
        answers.seconds += seconds;
        for (bound, within) in BOUNDS.iter().zip(&mut answers.within) {
            *within += u64::from(seconds <= *bound);
        }
        answers.within[BOUNDS.len()] += 1;
    }

    /// Everything, with the number of events and the time of the start (milliseconds since 1970).
    pub fn text(&self, events: u64, started_at: u64) -> String {
        let mut out = String::new();
        head(&mut out, "tombolo_events_total", "counter", "Events stored by this node");
        line(&mut out, format_args!("tombolo_events_total {events}"));
        head(&mut out, "process_start_time_seconds", "gauge", "Start of the process");
        line(&mut out, format_args!("process_start_time_seconds {}", started_at as f64 / 1000.0));
        if let Some(bytes) = resident_bytes() {
            head(&mut out, "process_resident_memory_bytes", "gauge", "Memory in use");
            line(&mut out, format_args!("process_resident_memory_bytes {bytes}"));
        }
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = "tombolo_http_answers_total";
        head(&mut out, name, "counter", "Answers by endpoint and class of status");
        for (endpoint, answers) in &answers {
            for (class, count) in answers.by_class.iter().enumerate().filter(|(_, it)| **it > 0) {
                let labels = format!("endpoint=\"{endpoint}\",status=\"{class}xx\"");
                line(&mut out, format_args!("{name}{{{labels}}} {count}"));
            }
        }
        let name = "tombolo_http_answer_seconds";
        head(&mut out, name, "histogram", "Time from request to answer");
        for (endpoint, answers) in &answers {
            let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(answers.within) {
                let labels = format!("endpoint=\"{endpoint}\",le=\"{bound}\"");
                line(&mut out, format_args!("{name}_bucket{{{labels}}} {count}"));
            }
            let labels = format!("endpoint=\"{endpoint}\"");
            line(&mut out, format_args!("{name}_sum{{{labels}}} {}", answers.seconds));
            let count = answers.within[BOUNDS.len()];
            line(&mut out, format_args!("{name}_count{{{labels}}} {count}"));
        }
        out
    }
}

/// The memory that this process uses, as the kernel counts it.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}"));
    line(out, format_args!("# TYPE {name} {kind}"));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

/// Bounds of the histogram, in seconds.
const BOUNDS: [f64; 6] = [0.005, 0.02, 0.1, 0.2, 1.0, 5.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_endpoint_class_and_time() {
        let metrics = Metrics::default();
        metrics.answered("whoami", StatusCode::OK, 0.004);
        metrics.answered("whoami", StatusCode::OK, 0.5);
        metrics.answered("whoami", StatusCode::FORBIDDEN, 9.0);
        let text = metrics.text(7, 1_800_000_000_500);
        for line in [
            "tombolo_events_total 7",
            "process_start_time_seconds 1800000000.5",
            "tombolo_http_answers_total{endpoint=\"whoami\",status=\"2xx\"} 2",
            "tombolo_http_answers_total{endpoint=\"whoami\",status=\"4xx\"} 1",
            "tombolo_http_answer_seconds_bucket{endpoint=\"whoami\",le=\"0.005\"} 1",
            "tombolo_http_answer_seconds_bucket{endpoint=\"whoami\",le=\"1\"} 2",
            "tombolo_http_answer_seconds_bucket{endpoint=\"whoami\",le=\"+Inf\"} 3",
            "tombolo_http_answer_seconds_count{endpoint=\"whoami\"} 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
