//! Drawings of a network: Graphviz, Mermaid and SVG.
//!
//! | step | file | makes |
//! |---|---|---|
//! | what is shown | `view` | blocks inside nested modules, and which block reads which |
//! | words | `label` | title, operator, shape and tooltip of a block |
//! | where it stands | `layout` | rectangles and lines, with dagre's layered layout in each module |
//! | ink | `svg`; `dot` and `mermaid` leave the layout to others | text |
//!
//! A convolution with its normalisation and activation is one block. Auxiliary heads are dashed.

mod dot;
mod label;
mod layout;
mod mermaid;
mod svg;
mod view;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
