//! How long a text is in its own script, and whether it is in the language it should be in. Counts are those that word
//! processors show: a Chinese letter or mark is one, a run of other letters is one.

/// Function words of English; no other language that is written with these letters has a tenth of its words among them.
const ENGLISH: [&str; 20] = [
    "the", "of", "and", "to", "in", "is", "with", "that", "its", "by", "from", "for", "are", "this", "as", "it", "on",
    "a", "an", "which",
];

/// The least share of function words in English prose; critiques have more than a quarter.
const ENGLISH_SHARE: f64 = 0.15;

/// How many words or letters it takes to tell a language.
const ENOUGH: usize = 12;

/// Letters of Chinese.
pub(super) fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Letters of Japanese and Korean alone.
fn is_kana_or_hangul(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{30fa}' | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}')
}

/// Marks of East Asian writing: `，。「」《》`.
fn is_wide_mark(letter: char) -> bool {
    matches!(letter, '\u{3001}'..='\u{303f}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{2014}' | '\u{2018}'..='\u{201d}' | '\u{2026}')
}

/// The length of a Chinese text: letters and marks one each, numbers and foreign words one each.
pub(super) fn chinese_length(text: &str) -> usize {
    let wide = text.chars().filter(|c| is_han(*c) || is_wide_mark(*c) || is_kana_or_hangul(*c)).count();
    wide + words(text).count()
}

/// Words of an alphabet, with the apostrophes and hyphens in them; no Chinese letters.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| (c.is_alphanumeric() && !is_han(c) && !is_kana_or_hangul(c)) || matches!(c, '\'' | '’' | '-');
    text.split(move |c| !part(c)).filter(|word| word.chars().any(char::is_alphanumeric))
}

/// Letters of alphabets other than the Latin one.
fn is_of_another_alphabet(letter: char) -> bool {
    letter.is_alphabetic() && !matches!(letter, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}')
}

/// Whether a text is Chinese; a text too short to tell counts as one. A row of marks is no language.
pub(super) fn is_chinese(text: &str) -> bool {
    let (mut han, mut foreign, mut marks) = (0_usize, 0_usize, 0_usize);
    for letter in text.chars() {
        han += usize::from(is_han(letter));
        foreign += usize::from(is_kana_or_hangul(letter));
        marks += usize::from(is_wide_mark(letter));
    }
    let all = han + foreign + words(text).count();
    all + marks < ENOUGH || (han * 10 >= all * 6 && foreign * 20 <= all && marks <= all)
}

/// Whether a text is English; a text too short to tell counts as one.
pub(super) fn is_english(text: &str) -> bool {
    let wide = text.chars().filter(|c| is_han(*c) || is_kana_or_hangul(*c)).count();
    let (mut all, mut known, mut foreign) = (0_usize, 0_usize, 0_usize);
    for word in words(text) {
        all += 1;
        known += usize::from(ENGLISH.iter().any(|english| word.eq_ignore_ascii_case(english)));
        // Letters that only look like English ones, too.
        foreign += usize::from(word.chars().any(is_of_another_alphabet));
    }
    all + wide < ENOUGH || ((wide + foreign) * 4 <= all && known as f64 >= ENGLISH_SHARE * all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_word_processors() {
        assert_eq!(chinese_length("山水，1650 年作。"), 2 + 1 + 1 + 2 + 1);
        assert_eq!(chinese_length("  \n"), 0);
        assert_eq!(words("The artist's well-known \"Pine\" 松 of 1650 — a scroll.").count(), 8);
    }

    #[test]
    fn languages_are_told_apart() {
        let chinese = "此图以淡墨写远山，近处松石用披麻皴，气息清润。";
        let english = "The distant hills are laid in with pale ink, and the near pine is drawn with a dry brush.";
        let terms = "The cun (皴) strokes are of the hemp-fibre kind, and the artist's hand is seen in the dry edges.";
        assert!(is_chinese(chinese) && is_english(english) && is_english(terms));
        assert!(!is_chinese(english) && !is_english(chinese));
        assert!(!is_chinese("この絵は淡い墨で遠くの山を描いており、とても静かな雰囲気があります。"));
        assert!(!is_english(
            "Les collines lointaines sont peintes à l'encre pâle et le pin est tracé au pinceau sec avec soin."
        ));
        assert!(!is_english(
            "Die fernen Hügel sind in blasser Tusche gemalt und die nahe Kiefer mit trockenem Pinsel gezogen."
        ));
        assert!(!is_english("Ci tu yi dan mo xie yuan shan jin chu song shi yong pi ma cun qi xi qing run"));
        assert!(is_chinese("") && is_english("Pine."), "too short to tell");
    }
}
