//! "Did you mean ...?"

/// The candidate that a misspelt name most probably meant, if one is close.
///
/// Close means at most a third of the name's characters (at least one) inserted, deleted,
/// replaced or swapped with their neighbour; case and the difference between `_`, `-` and space
/// do not count. Of equally close candidates the first one wins.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let limit = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &folded(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The suggestion as the end of a message.
pub(crate) fn question(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn folded(name: &str) -> Vec<char> {
    name.chars()
        .map(|character| if matches!(character, '-' | ' ') { '_' } else { character })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Edit distance in which a swap of neighbours counts once (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut before_last = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (i, a) in left.iter().enumerate() {
        let mut current = vec![i + 1; width];
        for (j, b) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            current[j + 1] = replaced.min(last[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                current[j + 1] = current[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = last;
        last = current;
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let columns = ["phone", "subscribed", "emp.var.rate", "手机号"];
        for (typed, meant) in [
            ("phnoe", Some("phone")),
            ("Subscribe", Some("subscribed")),
            ("emp var rate", Some("emp.var.rate")),
            ("手机", Some("手机号")),
            ("age", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, columns), meant, "{typed}");
        }
    }
}
