//! The one table at the end: scenarios by languages, `ok` or a number that stands for what is written below it.

use std::fmt;

/// A scenario in every language: what is wrong, nothing when it is well.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) cells: Vec<Vec<String>>,
}

pub(crate) struct Table {
    pub(crate) languages: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    pub(crate) fn is_all_well(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.cells.len() == self.languages.len() && row.cells.iter().all(Vec::is_empty))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self
            .rows
            .iter()
            .map(|row| row.name.chars().count())
            .max()
            .unwrap_or_default()
            .max("scenario".len());
        let widths: Vec<usize> = self
            .languages
            .iter()
            .map(|language| language.chars().count().max(5))
            .collect();
        let rule = |f: &mut fmt::Formatter<'_>| {
            write!(f, "{}", "-".repeat(first))?;
            for width in &widths {
                write!(f, "  {}", "-".repeat(*width))?;
            }
            writeln!(f)
        };
        writeln!(f)?;
        write!(f, "{:first$}", "scenario")?;
        for (language, width) in self.languages.iter().zip(&widths) {
            write!(f, "  {language:>width$}")?;
        }
        writeln!(f)?;
        rule(f)?;
        let mut notes = Vec::new();
        for row in &self.rows {
            write!(f, "{:first$}", row.name)?;
            for ((cell, width), language) in row.cells.iter().zip(&widths).zip(&self.languages) {
                if cell.is_empty() {
                    write!(f, "  {:>width$}", "ok")?;
                } else {
                    notes.push(format!("{} in {language}: {}", row.name, cell.join("; ")));
                    write!(f, "  {:>width$}", format!("[{}]", notes.len()))?;
                }
            }
            writeln!(f)?;
        }
        rule(f)?;
        for (index, note) in notes.iter().enumerate() {
            writeln!(f, "[{}] {note}", index + 1)?;
        }
        let verdict = if notes.is_empty() {
            "all equal, all as expected".to_owned()
        } else {
            format!("{} not as expected", notes.len())
        };
        writeln!(
            f,
            "{} scenarios x {} languages: {verdict}",
            self.rows.len(),
            self.languages.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_numbered_and_told_below() {
        let rows = vec![
            Row {
                name: "submit".to_owned(),
                cells: vec![vec![], vec!["2 POSTs instead of 1".to_owned()]],
            },
            Row {
                name: "wait-long".to_owned(),
                cells: vec![vec![], vec![]],
            },
        ];
        let table = Table {
            languages: vec!["rust".to_owned(), "c".to_owned()],
            rows,
        };
        assert!(!table.is_all_well());
        let text = table.to_string();
        assert!(text.contains("submit        ok    [1]\n"), "{text}");
        assert!(text.contains("[1] submit in c: 2 POSTs instead of 1\n"), "{text}");
        assert!(
            text.ends_with("2 scenarios x 2 languages: 1 not as expected\n"),
            "{text}"
        );
    }

    #[test]
    fn a_row_without_a_cell_for_every_language_is_not_well() {
        let table = Table {
            languages: vec!["rust".to_owned(), "c".to_owned()],
            rows: vec![Row {
                name: "x".to_owned(),
                cells: vec![vec![]],
            }],
        };
        assert!(!table.is_all_well());
    }
}
