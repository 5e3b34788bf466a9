//! The style sheet and the script: parts of the binary, under names that change with their content.

use std::sync::LazyLock;

use crypto::hash::{digest, hex};
use http::{StatusCode, header};

use super::Reply;

const STYLE: &str = include_str!("console.css");
const SCRIPT: &str = include_str!("console.js");

/// The style sheet with the colours that reports have.
static WHOLE_STYLE: LazyLock<String> =
    LazyLock::new(|| format!("{}{STYLE}", report::chart::PALETTE));
static STYLE_NAME: LazyLock<String> = LazyLock::new(|| named(&WHOLE_STYLE, "css"));
static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| named(SCRIPT, "js"));

/// The path of the style sheet.
pub(super) fn style() -> String {
    format!("/assets/{}", *STYLE_NAME)
}

/// The path of the script.
pub(super) fn script() -> String {
    format!("/assets/{}", *SCRIPT_NAME)
}

/// A file by its name. What an older page asks for after an update is not there any more: its
/// content would not be what the name says.
pub(super) fn answer(file: &str) -> Reply {
    let (content_type, content) = match file {
        file if file == *STYLE_NAME => ("text/css; charset=utf-8", WHOLE_STYLE.as_str()),
        file if file == *SCRIPT_NAME => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return Reply::new(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "not found\n"),
    };
    let mut reply = Reply::new(StatusCode::OK, content_type, content);
    reply.put(header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    reply
}

fn named(content: &str, kind: &str) -> String {
    let name = digest("node/console asset", &[content.as_bytes()]);
    format!("{}.{kind}", hex(&name[..8]))
}
