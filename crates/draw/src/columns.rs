//! Where modules are folded, so that the picture has the shape of a window.

use super::{
    flow::Flow,
    fold::Foldable,
    inside::{Inside, inside, size},
    piece::Piece,
    room::DrawError,
    view::View,
};

/// How often other heights of modules are tried.
const MOST_TRIES: usize = 4;

/// A picture that is at most this much too tall or too wide is good enough.
const GOOD: f64 = 1.5;

/// The modules of a view, folded or not.
struct Modules<'a> {
    view: &'a View,
    sizes: &'a [(f64, f64)],
    own: &'a [Vec<Piece>],
    /// As dagre lays them out.
    plain: Vec<Inside>,
    /// As they are drawn.
    folded: Vec<Inside>,
}

/// Lays out every module, inner ones first. dagre cannot be interrupted inside of one.
///
/// # Errors
/// When it was stopped.
pub(super) fn insides(
    view: &View,
    sizes: &[(f64, f64)],
    own: &[Vec<Piece>],
    flow: Flow,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Vec<Inside>, DrawError> {
    let mut modules = Modules { view, sizes, own, plain: vec![], folded: vec![] };
    let lies = flow == Flow::Right;
    modules.lay_out(f64::INFINITY, lies, is_stopped)?;
    let Flow::Columns { width, height } = flow else { return Ok(modules.folded) };
    let shape = f64::from(width.max(1)) / f64::from(height.max(1));
    let area = modules.folded[0].width * modules.folded[0].height;
    let mut limit = (area / shape).sqrt();
    let mut best: Option<(f64, Vec<Inside>)> = None;
    for _ in 0..MOST_TRIES {
        modules.lay_out(limit, false, is_stopped)?;
        let root = modules.folded_root(shape);
        let need = (root.width / shape).max(root.height);
        let misfit = root.height * shape / root.width;
        if best.as_ref().is_none_or(|(least, _)| need < *least) {
            let mut insides = modules.folded.clone();
            insides[0] = root;
            best = Some((need, insides));
        }
        if (1.0 / GOOD..GOOD).contains(&misfit) || !modules.has_inner() {
            break;
        }
        limit /= misfit.sqrt();
    }
    Ok(best.map_or(modules.folded, |(_, insides)| insides))
}

impl Modules<'_> {
    /// Lays out every module; inner ones that are taller than a limit are folded.
    fn lay_out(
        &mut self,
        limit: f64,
        lies: bool,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(), DrawError> {
        let count = self.view.modules.len();
        let before = std::mem::replace(&mut self.folded, vec![Inside::default(); count]);
        let is_first = self.plain.is_empty();
        if is_first {
            self.plain = vec![Inside::default(); count];
        }
        for module in (0..count).rev() {
            if is_stopped() {
                return Err(DrawError::Stopped);
            }
            let children = &self.view.modules[module].children;
            let is_same = !is_first
                && children.iter().all(|&child| {
                    size(child, self.sizes, &before) == size(child, self.sizes, &self.folded)
                });
            if !is_same {
                let own = &self.own[module];
                self.plain[module] = inside(self.view, module, self.sizes, &self.folded, own, lies);
            }
            let plain = &self.plain[module];
            let is_tall = module > 0 && plain.height > limit;
            self.folded[module] = match is_tall {
                true => self.foldable(module).fold(limit),
                false => plain.clone(),
            };
        }
        Ok(())
    }

    /// The network in as many columns as fill a window of this shape.
    fn folded_root(&self, shape: f64) -> Inside {
        let foldable = self.foldable(0);
        foldable.fold(foldable.best_limit(shape))
    }

    fn foldable(&self, module: usize) -> Foldable<'_> {
        let children = self.view.modules[module].children.iter();
        let sizes: Vec<(f64, f64)> =
            children.map(|&child| size(child, self.sizes, &self.folded)).collect();
        Foldable::new(&self.plain[module], &sizes)
    }

    /// Whether there are open modules.
    fn has_inner(&self) -> bool {
        self.view.modules.len() > 1
    }
}
