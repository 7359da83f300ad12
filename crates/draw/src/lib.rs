//! Drawings of a network: Graphviz, Mermaid, SVG, and scenes for programs that paint themselves.
//!
//! | step | file | makes |
//! |---|---|---|
//! | repetitions | `repeat` | equal modules in a row, to be drawn once |
//! | content | `view`, `steps` | blocks inside nested modules, and which block reads which |
//! | words | `label` | title, operator, shape and tooltip of a block |
//! | lines | `piece` | edges, cut where they cross the frames of modules |
//! | positions | `layout`, `inside` | rectangles and lines, with dagre's layered layout in each module |
//! | columns | `columns`, `fold` | modules that are too tall, folded so that the picture has the shape of a window |
//! | limits | `room` | an error for layouts that would take minutes |
//! | simplification | `budget` | a simpler view if the drawing is too large, and a note |
//! | scene | `scene` | cards with texts, frames and lines at their positions |
//! | output | `svg`; `dot` and `mermaid` leave the layout to other programs | text |
//!
//! A convolution with its normalisation and activation is one block. Auxiliary heads are dashed. [`chart`] has the
//! parts that all charts share, [`text`] the widths of texts. This crate makes text; it writes no file.

#![forbid(unsafe_code)]

mod budget;
pub mod chart;
mod columns;
mod dot;
mod flow;
mod fold;
mod geometry;
mod inside;
mod label;
mod layout;
mod mermaid;
mod piece;
mod repeat;
mod room;
mod scene;
mod steps;
mod svg;
pub mod text;
mod view;

pub use budget::{Drawing, Simplified};
pub use dot::dot;
pub use flow::{Arrangement, Flow};
pub use geometry::{Point, Rect};
pub use label::{Kind, caption};
pub use layout::Line;
pub use mermaid::mermaid;
pub use repeat::{Repeat, Repeats, repeats};
pub use room::DrawError;
pub use scene::{Card, DETAIL_PX, Frame, LINE_PX, SHAPE_PX, Scene, TITLE_PX};
pub use steps::{head_path, modules, node_at, steps};
pub use svg::{Fills, scene_svg, svg};
pub use view::{Open, worth_opening};
