//! Auxiliary heads.

use inceptive_ir::{AuxiliaryHead, Part, Path};

use super::{UnfitHead, expect_present, steps_like};
use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
    document::{AuxiliaryKeys, fields},
    field::{Maybe, Real, Text},
    lower::{Cursor, Lowering, Names},
    scope::{Reader, Scope},
    step::check_name,
    yaml::Node,
};

/// Weight of an auxiliary loss where none is given (Szegedy et al. 2014, section 5).
const AUXILIARY_WEIGHT: f32 = 0.3;

/// Builds one auxiliary head; returns it if it does not fit. Its diagnostics go to a separate sink first.
pub(super) fn build<'a>(
    lowering: &mut Lowering<'a>,
    number: usize,
    node: &Node,
    scope: &Scope<'_>,
    names: &mut Names<'_>,
    of_head: &'a DiagnosticSink,
) -> Option<UnfitHead> {
    let sink = lowering.sink;
    let reader = Reader { scope, sink };
    let keys = fields(node, "auxiliary", reader).and_then(|fields| AuxiliaryKeys::read(&fields))?;
    let (name, named_at) = match keys.name {
        Some(Maybe(Some(Text { text, span }))) => (text, span),
        Some(Maybe(None)) | None => (format!("aux{}", number + 1), node.span),
    };
    if check_name(&name, "auxiliary head", named_at, &reader).is_none()
        || !names.take(&name, named_at, &reader)
    {
        return None;
    }
    let weight = match keys.weight {
        Some(Maybe(weight)) => weight.and_then(|weight| loss_weight(weight, node, &reader)),
        None => Some(AUXILIARY_WEIGHT),
    };
    let from = attached(lowering, keys.after.0.as_ref());
    let steps = keys.steps.0?;
    let path = Path::new(&name);
    let before = lowering.before();
    lowering.part = Part::Auxiliary(lowering.graph.auxiliary().len());
    of_head.count_on(sink);
    lowering.sink = of_head;
    lowering.note_head(true);
    let from = expect_input(lowering, from, keys.after.0.as_ref());
    let end = lowering.scope(&steps.0, scope, Names::of(path.clone(), from));
    let end = expect_present(lowering, end, steps.0.span);
    let end = lowering.sweep(&path, before, end);
    lowering.note_head(false);
    let diagnostics = of_head.take();
    lowering.sink = sink;
    sink.count_on(of_head);
    lowering.part = Part::Main;
    lowering.places.insert(path, end);
    let is_unfit = !diagnostics.is_empty()
        && !lowering.is_cut_short()
        && diagnostics.iter().all(|diagnostic| is_misfit(diagnostic, lowering));
    if is_unfit {
        lowering.graph.go_back(before.checkpoint);
        return Some(UnfitHead { name, diagnostics });
    }
    diagnostics.into_iter().for_each(|diagnostic| sink.push(diagnostic));
    if end.known && end.node == from.node {
        let message = format!("the head `{name}` has no layers");
        sink.push(Diagnostic::new(Code::EmptyNetwork, message).at(node.span, "empty"));
    } else if let (true, Some(weight)) = (end.known, weight) {
        lowering.graph.add_auxiliary(AuxiliaryHead { name, output: end.node, weight });
    }
    None
}

/// Whether the error is that a head does not fit its position, which another input size may fix. Errors that do not
/// depend on sizes have been found by the dry run, except for values that are set by path.
fn is_misfit(diagnostic: &Diagnostic, lowering: &Lowering<'_>) -> bool {
    match diagnostic.code {
        Code::ShapeMismatch | Code::JoinMismatch | Code::NetworkTooLarge | Code::AbsentOutput => {
            true
        }
        Code::OutOfRange | Code::NotWhole | Code::Evaluation => {
            let place = diagnostic.labels.first().map(|(span, _)| *span);
            let mut set = lowering.overrides.values().flatten().flat_map(|entry| &entry.args.0);
            !set.any(|entry| Some(entry.value.span) == place)
        }
        _ => false,
    }
}

/// Reports a head that reads a step which `none` leaves out.
fn expect_input(lowering: &Lowering<'_>, from: Cursor, after: Option<&Text>) -> Cursor {
    let (true, Some(after)) = (from.is_absent, after) else { return from };
    let message = format!("the step `{}` is absent", after.text);
    let absent = Diagnostic::new(Code::AbsentOutput, message).at(after.span, "read by the head");
    lowering.sink.push(absent.help("it is `none`, or nothing leads to it or from it"));
    from.unknown()
}

/// The step that a head reads; unknown, with a report, if there is none.
fn attached(lowering: &Lowering<'_>, after: Option<&Text>) -> Cursor {
    let unknown = Cursor::at(lowering.graph.input()).unknown();
    let Some(after) = after else { return unknown };
    let path = Path::new(&after.text);
    if let Some(&place) = lowering.places.get(&path) {
        return place;
    }
    if lowering.is_left_out(&path) {
        return unknown.absent();
    }
    if !lowering.is_hidden(&path) {
        let message = format!("there is no step `{path}` to put the head after");
        let missing = Diagnostic::new(Code::UnknownPlace, message).at(after.span, "named here");
        lowering.sink.push_with(missing, || steps_like(&path, lowering));
    }
    unknown
}

fn loss_weight(weight: Real, head: &Node, reader: &Reader<'_>) -> Option<f32> {
    if weight.0 >= 0.0 {
        return Some(weight.as_f32());
    }
    let message = format!("the weight of a loss cannot be {}", weight.0);
    let written = head.map().and_then(|head| head.get("weight")).unwrap_or(head);
    reader.report(Diagnostic::new(Code::OutOfRange, message).at(written.span, "below 0"))
}
