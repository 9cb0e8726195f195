//! Rounds: a picture, a look at it, and a better one that makes use of what was found. The best so far is kept; a round that fails
//! loses none before it.

use imagemill_domain::asset::Asset;
use imagemill_domain::catalogue::Catalogue;
use imagemill_domain::failure::Failure;
use imagemill_domain::infographic::{
    Plateau, Repair, Round, RoundPicture, Stopped, amended, corrections_of, is_cjk, rank,
};
use imagemill_engine::{ImageAsk, TaskContext};

use super::frame::Frame;
use super::review::look;
use super::writing::Written;

/// How the rounds of a request went.
pub(super) struct Played {
    pub(super) rounds: Vec<Round>,
    pub(super) stopped: Stopped,
    /// Why the last one has no picture or no review.
    pub(super) failure: Option<Failure>,
}

/// What a round begins with.
struct Order {
    prompt: String,
    corrections: Vec<String>,
    /// The picture that is edited, by its round.
    source: Option<(u32, Asset)>,
}

/// Plays up to `most` rounds. A failure before there is any picture is the task's.
pub(super) async fn play(
    task: &TaskContext,
    catalogue: &Catalogue,
    written: &Written,
    frame: &Frame,
    (most, repair): (u32, Repair),
) -> Result<Played, Failure> {
    let mut rounds: Vec<Round> = Vec::new();
    let mut pictures: Vec<(u32, Asset)> = Vec::new();
    let mut plateau = Plateau::default();
    for number in 1..=most {
        if number > 1 && !task.affords_picture().await? {
            return Ok(Played { rounds, stopped: Stopped::Money, failure: None });
        }
        let order = next(written, &rounds, &pictures, repair);
        let mut round = Round {
            round: number,
            prompt: order.prompt.clone(),
            corrections: order.corrections.clone(),
            edits: order.source.as_ref().map(|(round, _)| *round),
            picture: None,
            review: None,
            error: None,
        };
        let failed = match draw(task, frame, &order, number).await {
            Ok(asset) => {
                round.picture = Some(picture_of(&asset));
                let failed = match most {
                    1 => None,
                    _ => match look(task, catalogue, written, (number, &order.prompt), &asset).await {
                        Ok(review) => {
                            round.review = Some(review);
                            None
                        }
                        Err(failure) => Some(failure),
                    },
                };
                pictures.push((number, asset));
                failed
            }
            Err(failure) if rounds.is_empty() => return Err(failure),
            Err(failure) => Some(failure),
        };
        round.error = failed.as_ref().map(|failure| failure.message.clone());
        let passed = round.review.as_ref().is_some_and(|review| review.passed);
        rounds.push(round);
        if let Some(failure) = failed {
            return Ok(Played { rounds, stopped: Stopped::Failed, failure: Some(failure) });
        }
        if passed {
            return Ok(Played { rounds, stopped: Stopped::Passed, failure: None });
        }
        if most > 1 && plateau.after(rank(&rounds).first() == Some(&number)) {
            return Ok(Played { rounds, stopped: Stopped::Plateau, failure: None });
        }
    }
    Ok(Played { rounds, stopped: Stopped::Rounds, failure: None })
}

/// The first prompt, and what the best and the last picture were found to lack.
fn next(written: &Written, rounds: &[Round], pictures: &[(u32, Asset)], repair: Repair) -> Order {
    let ranking = rank(rounds);
    let best = ranking.first().and_then(|number| rounds.iter().find(|round| round.round == *number));
    let found: Vec<_> = best.into_iter().chain(rounds.last()).filter_map(|round| round.review.as_ref()).collect();
    let chinese = is_cjk(&written.prompt);
    let source = match repair {
        Repair::Edit => best.and_then(|best| pictures.iter().find(|(number, _)| *number == best.round)).cloned(),
        Repair::Prompt => None,
    };
    // An edit is told what to change of the picture that it begins with, and nothing of another one.
    let corrections = corrections_of(if source.is_some() { &found[..1.min(found.len())] } else { &found }, chinese);
    let prompt = match (&source, chinese) {
        (None, _) => amended(&written.prompt, &corrections, chinese),
        (Some(_), true) => amended("只按下列要求修改这张信息图，其余保持不变。", &corrections, chinese),
        (Some(_), false) => {
            amended("Change this infographic only as follows and keep everything else.", &corrections, chinese)
        }
    };
    Order { prompt, corrections, source }
}

async fn draw(task: &TaskContext, frame: &Frame, order: &Order, number: u32) -> Result<Asset, Failure> {
    let step = format!("round-{number}/image");
    let ask = task.ask(step.clone());
    let mut options = ask.options;
    options.n = None;
    options.size.clone_from(&frame.choice.size);
    options.aspect_ratio.clone_from(&frame.choice.aspect_ratio);
    // Another round is another draw, where the model lets one choose.
    options.seed = options.seed.map(|seed| seed.wrapping_add(i64::from(number - 1) * 1_000_003));
    let mut pictures = ask.pictures;
    pictures.extend(order.source.iter().map(|(_, asset)| task.picture_of(asset)));
    let ask = ImageAsk { prompt: order.prompt.clone(), pictures, options, step: step.clone().into(), ..ask };
    let assets = task.image(&step, ask).await?;
    assets.into_iter().next().ok_or_else(|| {
        let message = "the picture of a round is stored and cannot be found; run `imagemill doctor`";
        Failure::new(imagemill_domain::failure::FailureKind::Local, message)
    })
}

fn picture_of(asset: &Asset) -> RoundPicture {
    let facts = &asset.facts;
    RoundPicture {
        blake3: facts.blake3,
        format: facts.format,
        index: asset.index,
        width: facts.width,
        height: facts.height,
    }
}
