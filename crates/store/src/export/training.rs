//! The columns of training runs, without their epochs.

use inceptive_results::TrainingRun;

use super::{
    Cell, Column, Table,
    common::{maybe, place, subject, yes_or_no},
    count, number, text,
};

impl Table for TrainingRun {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        let own: Vec<Column<Self>> = vec![
            text("training_fingerprint", |s| T(s.result.training_fingerprint.clone())),
            text("dataset", |s| T(s.result.dataset.label.clone())),
            text("dataset_fingerprint", |s| T(s.result.dataset.fingerprint.clone())),
            count("classes", |s| C(s.result.dataset.classes.into())),
            count("training_images", |s| C(s.result.dataset.training_images)),
            count("validation_images", |s| C(s.result.dataset.validation_images)),
            count("test_images", |s| C(s.result.dataset.test_images)),
            text("recipe", |s| T(s.result.recipe.name.clone())),
            text("recipe_fingerprint", |s| T(s.result.recipe.fingerprint.clone())),
            count("seed", |s| C(s.result.seed)),
            count("epochs", |s| C(s.result.epochs.into())),
            count("batch", |s| C(s.result.batch.into())),
            text("auxiliary", |s| T(yes_or_no(s.result.auxiliary))),
            text("trainer", |s| T(s.result.trainer.clone())),
            text("trainer_isa", |s| T(s.result.isa.clone())),
            text("trainer_version", |s| maybe(s.result.trainer_version.clone(), T)),
            text("device", |s| T(s.result.device.clone())),
            text("accelerator", |s| maybe(s.result.accelerator.as_ref(), |it| T(it.name.clone()))),
            count("threads", |s| C(s.result.threads.into())),
            text("outcome", |s| T(s.result.outcome.to_string())),
            number("images_per_s", |s| N(s.result.images_per_s)),
            number("seconds", |s| N(s.result.seconds)),
            number("train_loss", |s| maybe(s.result.train_loss, N)),
            number("val_loss", |s| maybe(s.result.val_loss, N)),
            number("val_top1", |s| maybe(s.result.val_top1, N)),
            number("test_loss", |s| maybe(s.result.test_loss, N)),
            number("test_top1", |s| maybe(s.result.test_top1, N)),
            number("test_top1_low", |s| maybe(s.result.interval_of_test_top1(), |it| N(it.low))),
            number("test_top1_high", |s| maybe(s.result.interval_of_test_top1(), |it| N(it.high))),
            number("test_top5", |s| maybe(s.result.test_top5, N)),
            text("checkpoint", |s| maybe(s.result.checkpoint.clone(), T)),
        ];
        let place = place::<Self>(|s| T(s.result.version.clone()));
        subject().into_iter().chain(own).chain(place).collect()
    }
}
