//! How the traits of a brief reach the prompt: one template, the same for every model. What must not be in the picture goes to the
//! job's negative prompt, which a model without a parameter for it gets as the last paragraph.

use crate::brief::Brief;

/// The prompt that is sent: the written one, then a paragraph each for what stays, what a review asks for and what may change.
pub fn sent_prompt(brief: &Brief) -> String {
    let mut prompt = brief.prompt.clone();
    let words = if is_chinese(brief) {
        ["保持不变：", "按审阅意见修改：", "可以变化："]
    } else {
        ["Keep exactly as described: ", "Change as the review asks: ", "May vary: "]
    };
    for (word, traits) in words.into_iter().zip([&brief.must_keep, &brief.feedback, &brief.can_vary]) {
        if !traits.is_empty() {
            prompt.push_str("\n\n");
            prompt.push_str(word);
            prompt.push_str(&joined(traits, "; "));
        }
    }
    prompt
}

/// All that must not be in the picture: the forbidden traits, then the negative prompt.
pub fn forbidden(brief: &Brief) -> String {
    let mut all = brief.must_avoid.clone();
    all.extend(brief.negative_prompt.clone());
    joined(&all, ", ")
}

fn joined(traits: &[String], between: &str) -> String {
    traits.iter().map(|text| text.trim().trim_end_matches(['.', ';'])).collect::<Vec<_>>().join(between)
}

fn is_chinese(brief: &Brief) -> bool {
    brief.prompt.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}
