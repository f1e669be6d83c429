//! Shell patterns on one name: `*`, `?`, `[a-z]`, `[!a]` or `[^a]`, `\` takes the next character as it is.

/// A pattern that was checked.
#[derive(Debug, Clone)]
pub struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Star,
    Any,
    Exactly(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// None when a class or an escape does not end.
    pub fn parse(pattern: &str) -> Option<Self> {
        let mut letters = pattern.chars().peekable();
        let mut parts = Vec::new();
        while let Some(letter) = letters.next() {
            parts.push(match letter {
                '*' => Part::Star,
                '?' => Part::Any,
                '\\' => Part::Exactly(letters.next()?),
                '[' => class(&mut letters)?,
                letter => Part::Exactly(letter),
            });
        }
        Some(Self { parts })
    }

    /// Whether the whole name fits. Linear memory, and time at worst name × pattern: on a mismatch only the
    /// latest star takes one letter more.
    pub fn fits(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut part) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.parts.get(part) {
                Some(Part::Star) => {
                    star = Some((part, at));
                    part += 1;
                }
                Some(one) if one.takes(name[at]) => (at, part) = (at + 1, part + 1),
                _ => {
                    let Some((star_part, star_at)) = star else { return false };
                    star = Some((star_part, star_at + 1));
                    (at, part) = (star_at + 1, star_part + 1);
                }
            }
        }
        self.parts[part..].iter().all(|part| matches!(part, Part::Star))
    }
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Exactly(expected) => *expected == letter,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated
            }
        }
    }
}

/// What stands between `[` and `]`; a `]` right at the start is a letter.
fn class(letters: &mut std::iter::Peekable<std::str::Chars>) -> Option<Part> {
    let negated = letters.next_if(|letter| matches!(letter, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match letters.next()? {
            ']' if !ranges.is_empty() => return Some(Part::Class { negated, ranges }),
            '\\' => letters.next()?,
            letter => letter,
        };
        let mut ahead = letters.clone();
        let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|letter| letter != ']');
        let high = if is_range { letters.nth(1)? } else { low };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit() {
        for (pattern, name, fits) in [
            ("*.py", "a.py", true),
            ("*.py", "a.pyc", false),
            ("*", "", true),
            ("**", "anything", true),
            ("?", "ä", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a]", "b", true),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Glob::parse(pattern).expect("well formed").fits(name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_are_not_slow() {
        let pattern = Glob::parse(&"a*".repeat(100)).expect("well formed");
        assert!(!pattern.fits(&format!("{}b", "b".repeat(255))));
        assert!(!Glob::parse(&format!("{}c", "*a".repeat(50))).expect("well formed").fits(&"a".repeat(255)));
    }

    #[test]
    fn patterns_without_end() {
        for pattern in ["[", "[a", "[]", "[!]", "a\\"] {
            assert!(Glob::parse(pattern).is_none(), "{pattern}");
        }
    }
}
