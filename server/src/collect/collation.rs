//! The order of Vietnamese names: by letters as in a dictionary, not by code points.

/// The letters in dictionary order, each with its tones in dictionary order (ngang, huyền, hỏi, ngã, sắc, nặng).
const LETTERS: [&str; 33] = [
    "aàảãáạ",
    "ăằẳẵắặ",
    "âầẩẫấậ",
    "b",
    "c",
    "d",
    "đ",
    "eèẻẽéẹ",
    "êềểễếệ",
    "f",
    "g",
    "h",
    "iìỉĩíị",
    "j",
    "k",
    "l",
    "m",
    "n",
    "oòỏõóọ",
    "ôồổỗốộ",
    "ơờởỡớợ",
    "p",
    "q",
    "r",
    "s",
    "t",
    "uùủũúụ",
    "ưừửữứự",
    "v",
    "w",
    "x",
    "yỳỷỹýỵ",
    "z",
];

/// Key by which Vietnamese names sort: letters first (a ă â b … d đ …), tones only between names of the same letters.
pub(crate) fn collation(name: &str) -> (Vec<u8>, Vec<u8>) {
    let (mut letters, mut tones) = (Vec::new(), Vec::new());
    for c in name.chars().flat_map(char::to_lowercase) {
        let found = LETTERS.iter().enumerate().find_map(|(i, row)| Some((i, row.chars().position(|r| r == c)?)));
        // Spaces and digits before letters, so that "An" stands before "An Biên".
        let (letter, tone) = found.map_or((u8::from(c.is_numeric()), 0), |(i, t)| (i as u8 + 2, t as u8));
        letters.push(letter);
        tones.push(tone);
    }
    (letters, tones)
}

/// A name without the word for its kind of unit.
pub(crate) fn bare(name: &str) -> &str {
    ["Phường ", "Xã ", "Đặc khu ", "Tỉnh ", "Thành phố "]
        .iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_in_a_vietnamese_dictionary() {
        let mut names =
            ["Đà Nẵng", "Huế", "An Giang", "Điện Biên", "Ân Thi", "Hà Nội", "Dầu Tiếng", "Hòa Bình", "Ăng Co"];
        names.sort_by_key(|n| collation(n));
        let expected =
            ["An Giang", "Ăng Co", "Ân Thi", "Dầu Tiếng", "Đà Nẵng", "Điện Biên", "Hà Nội", "Hòa Bình", "Huế"];
        assert_eq!(names, expected);
        assert!(collation("Tân") < collation("Tấn") && collation("Tấn") < collation("Tận"));
    }

    #[test]
    fn the_kind_of_a_unit_is_no_part_of_its_name() {
        assert_eq!(bare("Đặc khu Hoàng Sa"), "Hoàng Sa");
        assert_eq!(bare("Thành phố Huế"), "Huế");
        assert_eq!(bare("Huế"), "Huế");
    }
}
