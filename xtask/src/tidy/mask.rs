//! A Rust source without what comments and texts say, so that rules see code only.

/// A Rust source in which comments, the contents of texts and characters are blanks.
///
/// Lines and columns are those of the source.
pub(crate) struct Masked {
    /// Code without comments and contents of texts.
    pub(crate) text: String,
    /// The line, counted from 1, from which unit tests run to the end of the file.
    tests_from: usize,
}

impl Masked {
    pub(crate) fn new(source: &str) -> Self {
        let text = mask(source);
        let tests_from = text
            .lines()
            .position(|line| line.trim() == "#[cfg(test)]")
            .filter(|index| {
                let next = text.lines().nth(index + 1).unwrap_or_default();
                next.trim_start().starts_with("mod ") && next.trim_end().ends_with('{')
            })
            .map_or(usize::MAX, |index| index + 1);
        Self { text, tests_from }
    }

    /// The lines of code outside unit tests, each with its number counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.take_while(|(number, _)| *number < self.tests_from)
    }

    /// The functions outside unit tests, in the order in which they start.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let lines: Vec<(usize, &str)> = self.lines().collect();
        let mut functions = Vec::new();
        for (index, (number, line)) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let (length, code_lines) = extent(&lines[index..]);
            functions.push(Function {
                name,
                is_async: has_word(line, "async"),
                first_line: *number,
                last_line: number + length - 1,
                code_lines,
            });
        }
        functions
    }
}

/// A function, where it stands and its size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) is_async: bool,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
    /// Lines of the body that hold code.
    pub(crate) code_lines: usize,
}

/// Whether `word` stands in `line` as a word of its own.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.as_bytes()[..start].last().copied();
        let after = line.as_bytes().get(start + word.len()).copied();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

fn function_name(line: &str) -> Option<String> {
    let starts = line.match_indices("fn ").map(|(index, _)| index);
    let start = starts.into_iter().find(|at| *at == 0 || line[..*at].ends_with(' '))?;
    let name: String =
        line[start + 3..].chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The lines that the function on the first line takes, and how many of its body hold code.
fn extent(lines: &[(usize, &str)]) -> (usize, usize) {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    let mut code_lines = 0;
    for (index, (_, line)) in lines.iter().enumerate() {
        let inside = depth > 0;
        for character in line.chars() {
            match character {
                '(' | '[' if depth == 0 => brackets += 1,
                ')' | ']' if depth == 0 => brackets = brackets.saturating_sub(1),
                ';' if depth == 0 && brackets == 0 => return (index + 1, 0),
                '{' => depth += 1,
                '}' if depth == 1 => return (index + 1, code_lines),
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        code_lines += usize::from(inside && !line.trim().is_empty());
    }
    (lines.len(), code_lines)
}

/// Replaces comments and the contents of texts by blanks of the same length.
fn mask(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < characters.len() {
        let end = match characters[at] {
            '/' if characters.get(at + 1) == Some(&'/') => line_end(&characters, at),
            '/' if characters.get(at + 1) == Some(&'*') => block_comment_end(&characters, at),
            '"' => text_end(&characters, at),
            '\'' => character_end(&characters, at),
            'r' if !preceded_by_word(&characters, at) => raw_text_end(&characters, at),
            _ => at + 1,
        };
        if end == at + 1 {
            out.push(characters[at]);
        } else {
            let blank = |character: &char| if *character == '\n' { '\n' } else { ' ' };
            out.extend(characters[at..end].iter().map(blank));
        }
        at = end;
    }
    out
}

fn line_end(characters: &[char], at: usize) -> usize {
    let rest = &characters[at..];
    rest.iter().position(|it| *it == '\n').map_or(characters.len(), |length| at + length)
}

fn block_comment_end(characters: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while index + 1 < characters.len() {
        match (characters[index], characters[index + 1]) {
            ('/', '*') => {
                depth += 1;
                index += 2;
            }
            ('*', '/') => {
                depth -= 1;
                index += 2;
                if depth == 0 {
                    return index;
                }
            }
            _ => index += 1,
        }
    }
    characters.len()
}

fn text_end(characters: &[char], at: usize) -> usize {
    let mut index = at + 1;
    while index < characters.len() {
        match characters[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    characters.len()
}

/// The end of a character such as `'x'` or `'\n'`; a lifetime is only its quote.
fn character_end(characters: &[char], at: usize) -> usize {
    match (characters.get(at + 1), characters.get(at + 2)) {
        (Some('\\'), Some(_)) => {
            let rest = characters.get(at + 3..).unwrap_or_default();
            rest.iter().position(|it| *it == '\'').map_or(at + 1, |length| at + length + 4)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// The end of a raw text `r"…"` or `r#"…"#`; anything else is only its first letter.
fn raw_text_end(characters: &[char], at: usize) -> usize {
    let hashes = characters[at + 1..].iter().take_while(|it| **it == '#').count();
    let start = at + 1 + hashes;
    if characters.get(start) != Some(&'"') {
        return at + 1;
    }
    let mut index = start + 1;
    while index < characters.len() {
        let closing = characters[index] == '"'
            && characters[index + 1..].iter().take_while(|it| **it == '#').count() >= hashes;
        if closing {
            return index + 1 + hashes;
        }
        index += 1;
    }
    characters.len()
}

fn preceded_by_word(characters: &[char], at: usize) -> bool {
    at > 0 && {
        let before = characters[at - 1];
        (before.is_alphanumeric() && before != 'b') || before == '_'
    }
}

#[cfg(test)]
mod tests {
    use super::{Masked, has_word};

    #[test]
    fn comments_and_texts_are_blanked() {
        let source = "let a = \"unsafe \\\" x\"; // unsafe\n\
                      let b = 'u'; /* un /* safe */ */ let c = r#\"unsafe\"#;\n\
                      fn f<'a>(x: &'a str) {}\nlet d = '\\'';\nlet e = b'{';\n";
        let masked = Masked::new(source);
        assert!(!masked.text.contains("unsafe") && !masked.text.contains("safe"));
        assert!(
            masked.text.contains("let c = ") && masked.text.contains("fn f<'a>(x: &'a str) {}")
        );
        assert!(!masked.text.contains("b'{'"));
        assert_eq!(masked.text.lines().count(), source.lines().count());
        assert_eq!(masked.text.chars().count(), source.chars().count());
    }

    #[test]
    fn broken_sources_end() {
        for source in ["\"", "r#\"", "/*", "'", "'\\", "b\"\\", "/* /*", "r", "r#"] {
            assert!(Masked::new(source).text.chars().count() >= source.chars().count());
        }
    }

    #[test]
    fn functions_are_measured() {
        let source = "fn short(a: [u8; 3]) -> u8 {\n    1\n}\ntrait T {\n    fn none(&self);\n}\n\
                      pub async fn long(\n    a: u8,\n) {\n\
                      \x20   // why\n    one();\n\n    if x {\n        \
                      two();\n    }\n}\n#[cfg(test)]\nmod tests {\n    fn ignored() {}\n}\n";
        let functions = Masked::new(source).functions();
        let sizes: Vec<(&str, usize, usize, bool)> = functions
            .iter()
            .map(|it| (it.name.as_str(), it.last_line, it.code_lines, it.is_async))
            .collect();
        let expected = [("short", 3, 1, false), ("none", 5, 0, false), ("long", 16, 4, true)];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("unsafe {", "unsafe"));
        assert!(!has_word("forbid(unsafe_code)", "unsafe"));
    }
}
