//! Folding of Vietnamese names for search.

/// `text` in lower case without tone marks and diacritics, đ as d, every run of white space as one space.
///
/// Composed (NFC) and decomposed (NFD) text fold alike, and so do both places of a tone mark (`Hòa`, `Hoà`), because the
/// mark itself is dropped.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            // Combining diacritical marks, which NFD sets after the letter.
            '\u{300}'..='\u{36f}' => {}
            c if c.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            c => folded.push(without_marks(c)),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// The letter of the Vietnamese alphabet without its marks; any other character as it is.
fn without_marks(c: char) -> char {
    match c {
        'à'..='ã' | 'ă' | 'ạ'..='ặ' => 'a',
        'è'..='ê' | 'ẹ'..='ệ' => 'e',
        'ì' | 'í' | 'ĩ' | 'ỉ'..='ị' => 'i',
        'ò'..='õ' | 'ơ' | 'ọ'..='ợ' => 'o',
        'ù' | 'ú' | 'ũ' | 'ư' | 'ụ'..='ự' => 'u',
        'ý' | 'ỳ'..='ỹ' => 'y',
        'đ' => 'd',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vietnamese_letter_folds_to_ascii() {
        let letters = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ";
        for c in letters.chars().chain(letters.to_uppercase().chars()) {
            assert!(fold(&c.to_string()).is_ascii(), "{c}");
        }
        assert_eq!(fold("Thừa Thiên Huế"), "thua thien hue");
    }

    #[test]
    fn tone_place_case_composition_and_spaces_do_not_matter() {
        assert_eq!(fold("Xã Hòa  Thủy "), fold("xã HOÀ Thuỷ"));
        assert_eq!(fold("Đo\u{302}\u{300}ng Nai"), "dong nai");
        assert_eq!(fold(" \t"), "");
    }
}
