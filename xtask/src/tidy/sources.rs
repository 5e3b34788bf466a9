//! Sizes, names and words of single files, and calls that stand only in their place.

use super::mask::has_word;
use super::{Breach, File};

/// Longer files get a warning.
const FILE_LINES_WANTED: usize = 500;

/// Longer files are an error.
const FILE_LINES_MAX: usize = 800;

/// Longer functions are an error: lines of the body that hold code.
const FUNCTION_LINES_MAX: usize = 70;

/// Longer lines are an error.
const COLUMNS_MAX: usize = 100;
/// The same for a line that is nothing but a text.
const TEXT_COLUMNS_MAX: usize = 130;

/// Names that say nothing about what a module holds.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "manager", "misc", "shared"];

/// Words of unfinished work, in comments too. Put together so that this file may name them.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Names of places that belong to one machine or one registry.
const FOREIGN: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("docs", ".rs"),
    concat!("py", "pi.org"),
    concat!("npm", "js.com"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
];

/// Crates whose code has to give the same result at any time and on any machine.
const PROTOCOL_CRATES: [&str; 5] = ["crypto", "mpc", "matching", "features", "models"];

/// Crates whose `async fn` others call.
const ASYNC_LIBRARIES: [&str; 7] = ["net", "mpc", "matching", "features", "models", "jobs", "node"];

/// A call that is allowed in some places only.
struct Call {
    word: &'static str,
    /// Whether the call is fine in this file.
    allowed: fn(&File) -> bool,
    /// What to do instead.
    instead: &'static str,
}

/// Calls that have a place.
const CALLS: [Call; 11] = [
    Call {
        word: "unsafe",
        allowed: |file| file.path.starts_with("crypto/src/arch/"),
        instead: "unsafe code stands under crypto/src/arch, with a portable twin",
    },
    Call {
        word: "SystemTime::now",
        allowed: outside_protocols,
        instead: "protocol crates have no clock",
    },
    Call {
        word: "thread::sleep",
        allowed: outside_protocols,
        instead: "protocol crates wait for messages only",
    },
    Call {
        word: "tokio::spawn",
        allowed: outside_protocols,
        instead: "join futures in a fixed order",
    },
    Call {
        word: "TcpListener",
        allowed: may_open_sockets,
        instead: "only net opens sockets, and node::http",
    },
    Call {
        word: "TcpStream",
        allowed: may_open_sockets,
        instead: "only net opens sockets, and node::http",
    },
    Call { word: "OsRng", allowed: is_generator, instead: "randomness comes from Session::rng" },
    Call {
        word: "getrandom",
        allowed: is_generator,
        instead: "randomness comes from Session::rng",
    },
    Call { word: "thread_rng", allowed: |_| false, instead: "randomness comes from Session::rng" },
    Call { word: "dbg!", allowed: |_| false, instead: "remove it" },
    Call {
        word: "unimplemented!",
        allowed: |_| false,
        instead: "what does not exist yet has no function",
    },
];

/// The breaches of one file.
pub(super) fn check(file: &File) -> Vec<Breach> {
    let mut breaches = Vec::new();
    check_words(file, &mut breaches);
    if file.is_generated() {
        return breaches;
    }
    if let Some(code) = &file.code {
        check_name(file, &mut breaches);
        check_sizes(file, &mut breaches);
        check_calls(file, &mut breaches);
        check_borders(file, &mut breaches);
        for function in code.functions() {
            if function.code_lines > FUNCTION_LINES_MAX {
                let rule = format!(
                    "`{}` has {} lines of code; at most {FUNCTION_LINES_MAX}",
                    function.name, function.code_lines
                );
                breaches.push(Breach::new(&file.path, function.first_line, rule));
            }
        }
    }
    breaches
}

/// Files that are longer than wanted.
pub(super) fn warnings(files: &[File]) -> Vec<Breach> {
    let long = |file: &&File| {
        let lines = file.text.lines().count();
        file.code.is_some() && !file.is_generated() && lines > FILE_LINES_WANTED
    };
    let warn = |file: &File| {
        let rule = format!("{} lines; {FILE_LINES_WANTED} are wanted", file.text.lines().count());
        Breach::new(&file.path, 1, rule)
    };
    files.iter().filter(long).map(warn).collect()
}

fn check_words(file: &File, breaches: &mut Vec<Breach>) {
    let is_lock = file.path.ends_with("Cargo.lock") || file.path == "deny.toml";
    for (index, line) in file.text.lines().enumerate() {
        for word in UNFINISHED {
            if has_word(line, word) {
                let rule = format!("`{word}`: finish it, or open an issue");
                breaches.push(Breach::new(&file.path, index + 1, rule));
            }
        }
        for name in FOREIGN {
            if !is_lock && line.contains(name) {
                let rule = format!("`{name}` names a registry or one machine's folder");
                breaches.push(Breach::new(&file.path, index + 1, rule));
            }
        }
    }
}

/// A public `async fn` of a crate that others stand on is compiled once, by its own crate.
///
/// Generic ones cannot be, nor those that take `impl Trait`.
fn check_borders(file: &File, breaches: &mut Vec<Breach>) {
    let Some(code) = &file.code else { return };
    if file.is_test()
        || !ASYNC_LIBRARIES.iter().any(|it| file.path.starts_with(&format!("{it}/src/")))
    {
        return;
    }
    let lines: Vec<(usize, &str)> = code.lines().collect();
    for (at, (number, line)) in lines.iter().enumerate() {
        let Some((_, rest)) = line.split_once("pub async fn ") else { continue };
        let is_named = rest.find('(').is_some_and(|open| !rest[..open].contains('<'));
        let end = lines[at..].iter().position(|(_, it)| it.contains('{')).unwrap_or_default();
        let takes_any = lines[at..=at + end].iter().any(|(_, it)| it.contains("impl "));
        let is_boxed = lines[..at]
            .iter()
            .rev()
            .take_while(|(_, it)| it.trim_start().starts_with("#["))
            .any(|(_, it)| it.contains("::boxed"));
        if is_named && !takes_any && !is_boxed {
            let rule = "a public `async fn` that names its types is `#[net::boxed]`";
            breaches.push(Breach::new(&file.path, *number, rule));
        }
    }
}

fn check_name(file: &File, breaches: &mut Vec<Breach>) {
    for part in file.path.split(['/', '.']) {
        if EMPTY_NAMES.contains(&part) {
            let rule = format!("a module called `{part}` says nothing about what it holds");
            breaches.push(Breach::new(&file.path, 1, rule));
        }
    }
}

fn check_sizes(file: &File, breaches: &mut Vec<Breach>) {
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        let rule = format!("{lines} lines; at most {FILE_LINES_MAX}");
        breaches.push(Breach::new(&file.path, 1, rule));
    }
    for (index, line) in file.text.lines().enumerate() {
        let columns = line.chars().count();
        // A text of the catalogue stands on a line of its own and may run on.
        let is_text = line.trim_start().starts_with('"') && columns <= TEXT_COLUMNS_MAX;
        if columns > COLUMNS_MAX && !is_text && !line.contains("https://") {
            let rule = format!("{columns} columns; at most {COLUMNS_MAX}");
            breaches.push(Breach::new(&file.path, index + 1, rule));
        }
    }
}

fn check_calls(file: &File, breaches: &mut Vec<Breach>) {
    let Some(code) = &file.code else { return };
    let asynchronous: Vec<_> = code.functions().into_iter().filter(|it| it.is_async).collect();
    // How many brackets are open inside of the argument of `compute(…)`; 0 outside of one.
    let mut computing = 0_usize;
    for (number, line) in code.lines() {
        let is_computed = computing > 0 || line.contains("compute(");
        computing = open_brackets(line, computing);
        let mut add = |rule: String| breaches.push(Breach::new(&file.path, number, rule));
        for call in &CALLS {
            if has_word(line, call.word) && !file.is_test() && !(call.allowed)(file) {
                add(format!("`{}`: {}", call.word, call.instead));
            }
        }
        if ["#[allow(", "#![allow("].iter().any(|start| line.contains(start)) {
            add("suppress a lint by #[expect(lint, reason = \"…\")]".to_owned());
        }
        let parallel = has_word(line, "rayon") || PARALLEL.iter().any(|call| line.contains(call));
        let around =
            asynchronous.iter().find(|it| (it.first_line..=it.last_line).contains(&number));
        if let Some(function) =
            around.filter(|_| parallel && !is_computed && file.folder() != "net")
        {
            add(format!(
                "rayon in the async function `{}` outside of Session::compute",
                function.name
            ));
        }
    }
}

/// Brackets of a call of `compute` that are still open after `line`, when `open` were before it.
fn open_brackets(line: &str, open: usize) -> usize {
    let rest = match (open, line.split_once("compute(")) {
        (0, None) => return 0,
        (0, Some((_, rest))) => rest,
        _ => line,
    };
    let mut open = open.max(1);
    for letter in rest.chars() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    open
}

/// Calls that run on rayon's pool. Only `Session::compute` in `net` may bring them into async code.
const PARALLEL: [&str; 4] = [".par_", "par_iter", "par_chunks", "par_sort"];

fn outside_protocols(file: &File) -> bool {
    !PROTOCOL_CRATES.contains(&file.folder())
}

fn may_open_sockets(file: &File) -> bool {
    // Towards parties, and towards a node's own people.
    matches!(file.folder(), "net" | "world") || file.path.starts_with("node/src/http/")
}

fn is_generator(file: &File) -> bool {
    file.path.starts_with("crypto/src/random")
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS_MAX, FILE_LINES_MAX, File, check, warnings};

    fn rules(path: &str, text: &str) -> Vec<String> {
        check(&File::new(path, text)).into_iter().map(|breach| breach.rule).collect()
    }

    /// One bad example for each rule, and how its message starts.
    #[test]
    fn bad_examples_are_found() {
        let long_line = format!("// {}\n", "x".repeat(COLUMNS_MAX));
        let long_file = "//\n".repeat(FILE_LINES_MAX + 1);
        let long_function = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(71));
        for (path, text, message) in [
            ("mpc/src/a.rs", concat!("// TO", "DO later\n"), concat!("`TO", "DO`")),
            ("docs/a.md", concat!("FIX", "ME\n"), concat!("`FIX", "ME`")),
            ("README.md", concat!("see docs", ".rs\n"), concat!("`docs", ".rs`")),
            ("mpc/src/utils.rs", "", "a module called `utils`"),
            ("mpc/src/common/mod.rs", "", "a module called `common`"),
            ("mpc/src/a.rs", long_line.as_str(), "103 columns"),
            ("mpc/src/a.rs", long_file.as_str(), "801 lines"),
            ("mpc/src/a.rs", long_function.as_str(), "`f` has 71 lines"),
            ("mpc/src/a.rs", "fn f() { unsafe { g() } }\n", "`unsafe`"),
            ("mpc/src/a.rs", "#[allow(dead_code)]\nfn f() {}\n", "suppress a lint"),
            ("mpc/src/a.rs", "fn f() { std::time::SystemTime::now(); }\n", "`SystemTime::now`"),
            ("mpc/src/a.rs", "fn f() { std::thread::sleep(x); }\n", "`thread::sleep`"),
            ("jobs/src/a.rs", "use std::net::TcpStream;\n", "`TcpStream`"),
            ("mpc/src/a.rs", "use rand::rngs::OsRng;\n", "`OsRng`"),
            ("mpc/src/a.rs", "fn f() { dbg!(1); }\n", "`dbg!`"),
            ("mpc/src/a.rs", "async fn f() {\n    a.par_iter();\n}\n", "rayon in the async"),
            ("mpc/src/a.rs", "pub async fn f(\n    a: u8,\n) {\n}\n", "a public `async fn`"),
            (
                "mpc/src/a.rs",
                "async fn f() {\n    s.compute(|| g(1));\n    a.par_iter();\n}\n",
                "rayon in the async",
            ),
        ] {
            let found = rules(path, text);
            assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
            assert!(found[0].starts_with(message), "{found:?} does not start with {message}");
        }
    }

    #[test]
    fn good_examples_pass() {
        for (path, text) in [
            ("crypto/src/arch/avx2.rs", "fn f() { unsafe { g() } }\n"),
            ("mpc/src/a.rs", "// unsafe is fine in words\nconst A: &str = \"unsafe dbg!\";\n"),
            ("mpc/src/a.rs", "#[expect(dead_code, reason = \"x\")]\nfn f() {}\n"),
            ("mpc/src/a.rs", "use rayon::join;\nfn f() { a.par_iter() }\nasync fn g() {\n}\n"),
            ("mpc/src/a.rs", "#[net::boxed]\n#[must_use]\npub async fn f(a: u8) {\n}\n"),
            ("mpc/src/a.rs", "pub async fn f<W: Word>(a: W) {\n}\n"),
            ("mpc/src/a.rs", "pub async fn f(\n    a: impl Fn(),\n) {\n}\n"),
            ("jobs/src/a.rs", "fn f() { std::time::SystemTime::now(); }\n"),
            ("net/src/generated/a.rs", "#[allow(warnings)]\nfn f() { unsafe {} }\n"),
            ("net/src/a.rs", "use tokio::net::TcpStream;\n"),
        ] {
            assert_eq!(rules(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }

    #[test]
    fn long_files_are_warned_about_first() {
        let file = File::new("mpc/src/a.rs", "//\n".repeat(501));
        assert!(check(&file).is_empty());
        assert_eq!(warnings(&[file]).len(), 1);
    }
}
