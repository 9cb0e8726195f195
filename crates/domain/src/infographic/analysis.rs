//! What a model finds in a request: kind of content, tone, audience, facts to keep. A closed schema: kinds and contexts are those
//! of the catalogue, counts are numbers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalogue::{Content, Context};

/// How much there is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complexity {
    /// 3 to 5 points.
    Simple,
    /// 6 to 8.
    Moderate,
    /// 9 and more.
    Complex,
}

/// What viewers know already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Knowledge {
    /// Nothing.
    Beginner,
    /// Something.
    Intermediate,
    /// All but this.
    Expert,
}

/// Who will look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceProfile {
    /// What they know.
    pub knowledge_level: Knowledge,
    /// Where they look at it.
    pub context: String,
    /// What they want from it.
    pub expectations: String,
}

/// How the content hangs together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentProfile {
    /// Its order.
    pub data_structure: String,
    /// What has to do with what.
    pub key_relationships: String,
    /// What is better shown than told.
    pub visual_opportunities: String,
}

/// A layout with a style, as a model recommends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combination {
    /// Name of a layout.
    pub layout: String,
    /// Name of a style.
    pub style: String,
    /// The one that it would take.
    pub recommended: bool,
    /// Why.
    pub rationale: String,
}

/// The analysis of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// Headline.
    pub title: String,
    /// In one or two sentences.
    pub main_topic: String,
    /// The field that it is from.
    pub topic: String,
    /// Kind of content; decides the layout.
    pub data_type: Content,
    /// Tone or domain; decides the style.
    pub tone: Context,
    /// Who will look at it, in a word or two.
    pub audience: String,
    /// How much there is.
    pub complexity: Complexity,
    /// Number of main points.
    pub point_count: u32,
    /// Language of the request, as a tag (`en`, `zh`).
    pub source_language: String,
    /// Language of the words in the picture.
    pub user_language: String,
    /// One to three things that a viewer can do afterwards.
    pub learning_objectives: Vec<String>,
    /// Who will look at it.
    pub target_audience: AudienceProfile,
    /// How it hangs together.
    pub content_type_analysis: ContentProfile,
    /// Data and quotes, letter for letter.
    pub key_data_points_verbatim: Vec<String>,
    /// Wishes about looks that the request has.
    pub design_instructions: String,
    /// The layout that the request asks for by name or by description; null when it does not.
    pub wished_layout: Option<String>,
    /// The style that it asks for.
    pub wished_style: Option<String>,
    /// Up to three.
    pub recommended_combinations: Vec<Combination>,
}

impl Analysis {
    /// What a model's answer must look like.
    pub fn schema() -> Value {
        let text = json!({"type": "string"});
        let texts = json!({"type": "array", "items": text});
        let closed = |members: &[(&str, Value)]| {
            let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
            let properties: serde_json::Map<String, Value> =
                members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
            json!({"type": "object", "additionalProperties": false, "required": names, "properties": properties})
        };
        let contents: Vec<&str> = Content::ALL.iter().map(|content| content.word()).collect();
        let contexts: Vec<&str> = Context::ALL.iter().map(|context| context.word()).collect();
        let combination = closed(&[
            ("layout", text.clone()),
            ("style", text.clone()),
            ("recommended", json!({"type": "boolean"})),
            ("rationale", text.clone()),
        ]);
        let mut schema = closed(&[
            ("title", text.clone()),
            ("main_topic", text.clone()),
            ("topic", text.clone()),
            ("data_type", json!({"enum": contents})),
            ("tone", json!({"enum": contexts})),
            ("audience", text.clone()),
            ("complexity", json!({"enum": ["simple", "moderate", "complex"]})),
            ("point_count", json!({"type": "integer", "minimum": 0})),
            ("source_language", text.clone()),
            ("user_language", text.clone()),
            ("learning_objectives", texts.clone()),
            (
                "target_audience",
                closed(&[
                    ("knowledge_level", json!({"enum": ["Beginner", "Intermediate", "Expert"]})),
                    ("context", text.clone()),
                    ("expectations", text.clone()),
                ]),
            ),
            (
                "content_type_analysis",
                closed(&[
                    ("data_structure", text.clone()),
                    ("key_relationships", text.clone()),
                    ("visual_opportunities", text.clone()),
                ]),
            ),
            ("key_data_points_verbatim", texts),
            ("design_instructions", text),
            ("wished_layout", json!({"type": ["string", "null"]})),
            ("wished_style", json!({"type": ["string", "null"]})),
            ("recommended_combinations", json!({"type": "array", "items": combination})),
        ]);
        schema["title"] = "infographic_analysis".into();
        schema
    }
}
