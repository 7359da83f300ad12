//! Drawings of a network: Graphviz, Mermaid, SVG, and scenes for programs that paint themselves.
//!
//! | step | file | makes |
//! |---|---|---|
//! | what is shown | `view` | blocks inside nested modules, and which block reads which |
//! | words | `label` | title, operator, shape and tooltip of a block |
//! | where it stands | `layout`, `inside` | rectangles and lines, with dagre's layered layout in each module |
//! | how much that takes | `room` | an error for what would take minutes |
//! | what is left out | `budget` | a simpler view where the whole is too large, and words that say so |
//! | both together | `scene` | cards with their words, frames and lines at their places |
//! | ink | `svg`; `dot` and `mermaid` leave the layout to others | text |
//!
//! A convolution with its normalisation and activation is one block. Auxiliary heads are dashed. [`chart`] has what
//! charts have in common, [`text`] how wide words are. This crate makes text; it writes no file.

#![forbid(unsafe_code)]

mod budget;
pub mod chart;
mod dot;
mod inside;
mod label;
mod layout;
mod mermaid;
mod room;
mod scene;
mod svg;
pub mod text;
mod view;

pub use budget::{Drawing, Simplified};
pub use dot::dot;
pub use label::{Kind, caption};
pub use layout::{Line, Point, Rect};
pub use mermaid::mermaid;
pub use room::DrawError;
pub use scene::{Card, DETAIL_PX, Frame, LINE_PX, SHAPE_PX, Scene, TITLE_PX};
pub use svg::{Fills, scene_svg, svg};
pub use view::{Open, modules, worth_opening};
