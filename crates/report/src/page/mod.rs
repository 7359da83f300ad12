//! The report's pages: `index.html` and `report.md`.
//!
//! | file | makes |
//! |---|---|
//! | `words` | user text, made harmless and shortened |
//! | `scale` | one unit and one number of decimals for a column |
//! | `table` | every table of the page, by one template |
//! | `picture` | figures that are a part of the page |
//! | `shown` | which candidates get a row when there are many, quantiles of the rest |
//! | `networks`, `network` | the table of networks; the section of each |
//! | `picks`, `training`, `latency`, `variants`, `spaces`, `method` | the other sections |
//! | `html` | the complete page as one file |
//! | `markdown` | the short form for pull requests |
//!
//! Structs hold the content; `templates/` have the layout. A section without numbers is left out.

mod explored;
mod html;
mod latency;
mod markdown;
mod method;
mod network;
mod networks;
mod picks;
mod picture;
mod scale;
mod shown;
mod spaces;
mod table;
mod training;
mod variants;
mod words;

pub(crate) use html::html;
pub(crate) use markdown::markdown;

/// Shown for unknown values.
const UNKNOWN: &str = "–";
