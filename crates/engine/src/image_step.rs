//! The paid picture step that is not the last one: its pictures are stored and given back to the recipe, and come from the journal
//! when it ran before.

use imagemill_domain::asset::Asset;
use imagemill_domain::call::CallId;
use imagemill_domain::failure::Failure;
use imagemill_domain::money::Money;
use imagemill_domain::task::SourcePicture;

use crate::chat::is_tolerable;
use crate::context::TaskContext;
use crate::paid::{self, Step};
use crate::pictures::local;
use crate::recipe::ImageAsk;

impl TaskContext {
    /// Makes pictures, or returns those that an earlier call of the same step and request brought. When some of several pictures
    /// failed, those that came are given.
    ///
    /// Failures are as with [`Self::chat`]: what the same request would meet again may be tolerated, everything else has decided
    /// what becomes of the attempt.
    pub async fn image(&self, step: &str, ask: ImageAsk) -> Result<Vec<Asset>, Failure> {
        self.course.check_open()?;
        self.course.at_pictures();
        let ask = ImageAsk { step: step.to_owned().into(), ..ask };
        match paid::image(self, ask).await {
            Ok(Step::Stored(call)) => self.pictures_of(call).await,
            Ok(Step::Judged { failure, decision, written: false }) if is_tolerable(&decision) => Err(failure),
            Ok(Step::Judged { failure, decision, written }) => {
                let step = Step::Judged { failure: failure.clone(), decision, written };
                Err(self.course.decided(step, failure))
            }
            Ok(Step::Moved | Step::Released) => Err(self.release()),
            Err(failure) => Err(self.judge(failure).await),
        }
    }

    /// A stored picture as the source of a further step.
    pub fn picture_of(&self, asset: &Asset) -> SourcePicture {
        let path = self.shared.files.original_path(&asset.facts.blake3, asset.facts.format);
        SourcePicture {
            path: path.display().to_string(),
            name: format!("picture-{}.{}", asset.index, asset.facts.format.extension()),
            blake3: asset.facts.blake3,
        }
    }

    async fn pictures_of(&self, call: CallId) -> Result<Vec<Asset>, Failure> {
        let assets = self.shared.store.assets().for_call(call).await.map_err(|error| local(&error))?;
        self.course.ended(Some(Money::ZERO), assets.len());
        Ok(assets)
    }
}
