//! What people read: charts drawn as SVG, tables, texts in Chinese and English, and the one-file
//! report page.
//!
//! This crate knows figures, tables and messages; it knows no models and computes no metric.
//! Whoever fills a [`page::Report`] brings finished numbers, and every number brings its
//! [`page::Provenance`].
//!
//! * [`message`]: texts in two languages from typed keys, and numbers written as people read them.
//! * [`chart`]: the chart kinds, pure functions from data to SVG; any input gives well-formed
//!   output.
//! * [`figure`]: the charts and tables of this field by name (ROC, KS, score bands, ...).
//! * [`markup`]: elements of SVG and HTML, so that every page is well-formed and escaped.
//! * [`table`]: rows of cells, used under charts and on pages.
//! * [`page`]: the report and its rendering as one HTML file that opens offline.

#![forbid(unsafe_code)]

pub mod chart;
pub mod figure;
pub mod markup;
pub mod message;
pub mod page;
pub mod table;
