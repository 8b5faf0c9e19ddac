//! The name of a natural person, as the identity document prints it.

use super::{BadIdentifier, identifier, private_identifier};
use serde::Deserialize;

/// 2 to 64 characters: letters, with the separators that names have. The several dots that input
/// methods give for a name of a minority (`阿卜杜拉·买买提`) become U+00B7, full-width letters
/// become ASCII, runs of spaces one space.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PersonName {
    text: String,
}

identifier!(PersonName, "person_name");
private_identifier!(PersonName);

const FORM: BadIdentifier = BadIdentifier::form(
    "姓名应为2至64个文字，与证件一致",
    "a name has 2 to 64 letters, as the identity document prints it",
);

fn parse(raw: &str) -> Result<PersonName, BadIdentifier> {
    if raw.len() > 512 {
        return Err(FORM);
    }
    let text: String = raw.chars().map(folded).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = text.chars().count();
    let letter = |c: char| c.is_alphabetic() || matches!(c, '·' | ' ' | '-' | '\'' | '.' | '〇');
    let begins = text.starts_with(|c: char| c.is_alphabetic() || c == '〇');
    if (2..=64).contains(&length) && begins && text.chars().all(letter) {
        Ok(PersonName { text })
    } else {
        Err(FORM)
    }
}

fn folded(c: char) -> char {
    match c {
        // The dots of names, full stop and katakana dot among them.
        '\u{2022}' | '\u{2027}' | '\u{22c5}' | '\u{30fb}' | '\u{ff65}' | '\u{ff0e}' => '·',
        '\u{2019}' => '\'',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    }
}

impl PersonName {
    /// For people's eyes: the first character, then a star for each other, `张**`; at most four.
    pub fn masked(&self) -> String {
        let first = self.text.chars().take(1);
        first.chain(self.text.chars().skip(1).take(3).map(|_| '*')).collect()
    }

    /// A name by index; 200 of them.
    pub fn synthetic(index: u64) -> PersonName {
        const FAMILY: [&str; 10] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"];
        const GIVEN: [&str; 20] = [
            "建国", "秀英", "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳",
            "杰", "娟", "涛", "明", "超", "桂兰",
        ];
        let family = FAMILY[(index % 10) as usize];
        PersonName { text: format!("{family}{}", GIVEN[(index / 10 % 20) as usize]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (raw, canonical) in [
            ("张三", "张三"),
            ("  张三\u{3000}", "张三"),
            ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
            ("阿卜杜拉．买买提", "阿卜杜拉·买买提"),
            ("ＡＮＮＡ  Müller", "ANNA Müller"),
            ("O’Neil", "O'Neil"),
        ] {
            assert_eq!(parse(raw).unwrap().text, canonical, "{raw}");
        }
        for bad in ["", "张", "张3", "·张三", "张\u{0}三", "张\u{200b}三", "<张三>"] {
            assert_eq!(parse(bad).unwrap_err(), FORM, "{bad:?}");
        }
        assert!(parse(&"张".repeat(65)).is_err());
        assert_eq!(parse("欧阳建国").unwrap().masked(), "欧***");
        assert_eq!(parse("阿卜杜拉·买买提").unwrap().masked(), "阿***");
        assert!((0..200).all(|i| parse(&PersonName::synthetic(i).text).is_ok()));
    }
}
