//! Which value a setting of the new cluster has, and a record of why.

use serde::Serialize;

/// One setting, as the record shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// As the API spells it; settings of the writer begin with `writer.`.
    pub name: &'static str,
    /// What the source has, null where it has nothing or is not known.
    pub source: Option<Value>,
    /// What the restore is given, null where the service's own default holds.
    pub restore: Option<Value>,
    /// Why.
    pub by: By,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The source has it.
    Carried,
    /// A flag says so.
    Override,
    /// Neither says anything: the default of the service, or of this tool.
    Default,
}

/// A value in a record.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Names and words.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Days, seconds, ports.
    Number(i64),
    /// Capacities.
    Decimal(f64),
    /// Several names.
    List(Vec<String>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Decimal(number)
    }
}

impl From<Vec<String>> for Value {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::List(list) => f.write_str(&list.join(", ")),
        }
    }
}

/// Settings as they are decided one by one.
pub struct Choices {
    /// Whether the source can be asked. Of one that was deleted, or has no writer, hardly anything is known.
    known: bool,
    /// What was decided.
    pub settings: Vec<Setting>,
    /// What is neither known nor given, with the flag that would give it.
    pub unknown: Vec<String>,
}

impl Choices {
    /// None yet.
    pub fn new(known: bool) -> Self {
        Self { known, settings: Vec::new(), unknown: Vec::new() }
    }

    /// Whether the source can be asked about what comes now.
    pub fn set_known(&mut self, known: bool) {
        self.known = known;
    }

    /// The flag's value, else the source's. `flag` is its name for the user, empty where there is none.
    pub fn choose<T: Clone + Into<Value>>(
        &mut self,
        name: &'static str,
        flag: &str,
        source: Option<T>,
        given: Option<T>,
    ) -> Option<T> {
        let by = match (&given, &source) {
            (Some(_), _) => By::Override,
            (None, Some(_)) => By::Carried,
            (None, None) => By::Default,
        };
        let restore = given.or_else(|| source.clone());
        self.note(name, source, restore.clone(), by);
        if by == By::Default && !self.known && !flag.is_empty() {
            self.unknown.push(format!("{name} ({flag})"));
        }
        restore
    }

    /// Writes down what was decided elsewhere. What neither side has is no setting.
    pub fn note<T: Into<Value>>(
        &mut self,
        name: &'static str,
        source: Option<T>,
        restore: Option<T>,
        by: By,
    ) {
        let (source, restore) = (source.map(Into::into), restore.map(Into::into));
        if source.is_some() || restore.is_some() || !self.known {
            self.settings.push(Setting { name, source, restore, by });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_the_source() {
        let mut choices = Choices::new(true);
        assert_eq!(choices.choose("Port", "--port", Some(5432), Some(6543)), Some(6543));
        assert_eq!(choices.choose("Port", "--port", Some(5432), None), Some(5432));
        assert_eq!(choices.choose("Port", "--port", None::<i32>, None), None);
        let by: Vec<By> = choices.settings.iter().map(|setting| setting.by).collect();
        assert_eq!(by, [By::Override, By::Carried]);
        assert!(choices.unknown.is_empty());
    }

    #[test]
    fn what_is_not_known_of_a_deleted_cluster_is_said() {
        let mut choices = Choices::new(false);
        choices.choose("DBSubnetGroupName", "--subnet-group", None::<String>, None);
        choices.choose("Domain", "", None::<String>, None);
        assert_eq!(choices.unknown, ["DBSubnetGroupName (--subnet-group)"]);
        assert_eq!(choices.settings.len(), 2);
    }
}
