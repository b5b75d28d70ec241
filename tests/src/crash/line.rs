//! A command line of pipes and redirections, as pages show it, taken apart.

/// A pipeline.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) stages: Vec<Stage>,
}

/// One command of it.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// The file that is its stdin.
    pub(super) input: Option<String>,
    /// The file that is its stdout, and whether that is appended to.
    pub(super) output: Option<(String, bool)>,
}

/// Where the next word goes.
#[derive(Clone, Copy)]
enum Place {
    Word,
    Input,
    Output { append: bool },
}

impl Line {
    /// Takes a line apart: words, quotes, `|`, `<`, `>`, `>>`, `$NAME` and `$(...)`, which `value` gives.
    ///
    /// # Panics
    /// If it has anything else that only a shell can do, or a name that has no value.
    pub(super) fn parse(text: &str, value: impl Fn(&str) -> String) -> Self {
        let mut line = Self { stages: vec![Stage::default()] };
        let mut place = Place::Word;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                ' ' | '\n' => {}
                '\\' if letters.peek() == Some(&'\n') => {}
                '|' => line.stages.push(Stage::default()),
                '<' => place = Place::Input,
                '>' => place = Place::Output { append: letters.next_if_eq(&'>').is_some() },
                '&' | ';' | '(' | ')' => panic!("{letter} is the shell's alone: {text}"),
                letter => {
                    let word = word(letter, &mut letters, &value);
                    line.put(std::mem::replace(&mut place, Place::Word), word);
                }
            }
        }
        line
    }

    fn put(&mut self, place: Place, word: String) {
        let stage = self.stages.last_mut().expect("a line has a stage");
        match place {
            Place::Word => stage.words.push(word),
            Place::Input => stage.input = Some(word),
            Place::Output { append } => stage.output = Some((word, append)),
        }
    }
}

fn word(
    first: char,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    value: impl Fn(&str) -> String,
) -> String {
    let (mut word, mut quote, mut next) = (String::new(), None, Some(first));
    while let Some(letter) = next {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None | Some('"'), '$') => {
                word.push_str(&value(&name(rest)));
            }
            _ => word.push(letter),
        }
        let ends = |letter: &char| quote.is_none() && " \n|<>".contains(*letter);
        if rest.peek().is_some_and(ends) {
            break;
        }
        next = rest.next();
    }
    word
}

/// What stands behind a `$`: a name, or a command in parentheses, with these.
fn name(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    if rest.peek() != Some(&'(') {
        let is_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        return std::iter::from_fn(|| rest.next_if(is_name)).collect();
    }
    let mut open = 0_usize;
    let mut command = String::new();
    for letter in rest.by_ref() {
        command.push(letter);
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_is_taken_apart_as_a_shell_does() {
        let line = Line::parse("a 'b c' \"$X|y\" \"$(p | q)\" <in |\n  d --e=\"f g\" \\\n >> out", |name| {
            format!("<{name}>")
        });
        let words: Vec<_> = line.stages.iter().map(|stage| &stage.words[..]).collect();
        assert_eq!(words, [&["a", "b c", "<X>|y", "<(p | q)>"][..], &["d", "--e=f g"]]);
        assert_eq!(line.stages[0].input.as_deref(), Some("in"));
        assert_eq!(line.stages[1].output, Some(("out".to_owned(), true)));
    }
}
