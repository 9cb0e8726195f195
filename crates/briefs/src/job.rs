//! A brief as a job of one task. Pure.

use imagemill_domain::endpoints::endpoint;
use imagemill_domain::job_file::{JobFile, RecipeName, UnknownPolicy};

use crate::brief::{Brief, Verb};
use crate::wording::{forbidden, sent_prompt};

/// The job; `pictures` are the files that are edited, the first one first.
pub fn job_file(brief: &Brief, pictures: &[String]) -> JobFile {
    let recipe = if brief.mode == Verb::Edit { RecipeName::Edit } else { RecipeName::Generate };
    let mut file = JobFile::new(recipe);
    // A job's prompt is a template; braces of a request stand for themselves.
    file.prompt = Some(sent_prompt(brief).replace('{', "{{").replace('}', "}}"));
    file.negative_prompt = forbidden(brief);
    // A run pays once. Whether a lost answer was paid is found out by a person, who then has it sent again or closed.
    file.retry.unknown = UnknownPolicy::Never;
    file.model = Some(brief.model.clone());
    if let Some((first, others)) = pictures.split_first() {
        file.source.paths = vec![first.clone()];
        file.source.references = others.to_vec();
    }
    let options = &mut file.options;
    options.n = brief.max_images.filter(|number| *number > 1);
    options.size = brief.size.clone().or_else(|| brief.resolution.clone());
    // A size in pixels says the ratio itself.
    options.aspect_ratio = brief.size.is_none().then(|| brief.target_aspect_ratio.clone());
    options.quality.clone_from(&brief.quality);
    options.seed = brief.seed;
    options.extra_body.clone_from(&brief.extra);
    // The soul endpoint has no such parameter; other models that nobody knows get it only when it was asked for.
    let takes_format = endpoint(&brief.model).is_some_and(|known| !known.key.contains("-soul-"));
    if takes_format || brief.output_format != "png" {
        options.output_format = Some(brief.output_format.clone());
    }
    file
}
