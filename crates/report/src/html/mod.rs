//! Reports as one self-contained HTML page.
//!
//! The page needs no network and runs no script but its own: its content security policy names the digests of the
//! one style and the one script, and allows nothing else. All data are escaped or stand in a JSON block that no
//! browser runs. Without script all is readable; with it, charts show values under the pointer, tables can be sorted
//! and the theme be switched.

mod blocks;
mod flame;
mod hover;
mod notebook;
mod plane;
mod table;

use std::fmt::Write;

pub use notebook::fragment;

use crate::palette::{DARK, LIGHT};
use crate::svg::CHART_CSS;
use crate::{Report, escape};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// SHA-256 of the style and of the script as they stand in the page; a test computes them anew.
const STYLE_DIGEST: &str = "sha256-5+vrKYRhen4PS/y3K6HC6DnmoqmiJ0NLPHSknbYmwcU=";
const SCRIPT_DIGEST: &str = "sha256-qDy8o20J1l9ndaY6oGZmkfdL5kSarvf4jS3lH0+iyVk=";

/// What stands around a report on its page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HtmlOptions {
    /// Where the numbers come from: machine, versions, seed, command.
    pub provenance: Vec<(String, String)>,
    /// What made the page, such as `festina 0.1.0`.
    pub generator: String,
}

/// Returns `report` as a complete HTML document.
///
/// ```
/// use festina_report::{Report, html};
///
/// let page = html::page(&Report::new("a < b"), &html::HtmlOptions::default());
/// assert!(page.contains("<h1>a &lt; b</h1>"));
/// ```
pub fn page(report: &Report, options: &HtmlOptions) -> String {
    let has_flame = flame::is_in(&report.blocks);
    let mut out = head(&report.title, &options.generator, has_flame);
    out.push_str("<header><div>");
    let _ = write!(out, "<h1>{}</h1>", escape::html_with_code(&report.title));
    if !report.subtitle.is_empty() {
        let _ = write!(out, "<p class=\"subtitle\">{}</p>", escape::html_with_code(&report.subtitle));
    }
    out.push_str(
        "</div><button id=\"theme\" type=\"button\" hidden=\"\">Light / dark</button></header>\n<main>\n",
    );
    blocks::write(&mut out, &report.blocks);
    out.push_str("</main>\n");
    footer(&mut out, options);
    let _ = writeln!(out, "<script>{SCRIPT}</script>");
    if has_flame {
        let _ = writeln!(out, "<script>{}</script>", flame::SCRIPT);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn head(title: &str, generator: &str, has_flame: bool) -> String {
    let quoted = |digest: &str| if has_flame { format!(" '{digest}'") } else { String::new() };
    let (flame_style, flame_script) = (quoted(flame::STYLE_DIGEST), quoted(flame::SCRIPT_DIGEST));
    let flame = if has_flame { format!("<style>{}</style>\n", flame::STYLE) } else { String::new() };
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_DIGEST}'{flame_style}; script-src '{SCRIPT_DIGEST}'{flame_script}; base-uri 'none'; \
         form-action 'none'"
    );
    let title = if title.is_empty() { "Report" } else { title };
    let generator = escape::xml(if generator.is_empty() { "festina" } else { generator });
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"generator\" content=\"{generator}\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{}</title>\n<style>{}</style>\n{flame}</head>\n<body>\n",
        escape::xml(title),
        style(),
    )
}

/// Returns the style of every page: it depends on no report.
fn style() -> String {
    let (light, dark) = (LIGHT.custom_properties(), DARK.custom_properties());
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n{STYLE}{CHART_CSS}"
    )
}

fn footer(out: &mut String, options: &HtmlOptions) {
    if options.provenance.is_empty() && options.generator.is_empty() {
        return;
    }
    out.push_str("<footer>\n");
    if !options.provenance.is_empty() {
        out.push_str("<details open=\"\"><summary>Where these numbers come from</summary>\n");
        blocks::key_values(out, &options.provenance);
        out.push_str("</details>\n");
    }
    if !options.generator.is_empty() {
        let _ = writeln!(out, "<p>Made by {}.</p>", escape::xml(&options.generator));
    }
    out.push_str("</footer>\n");
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// Returns the digest of `text` as a source expression of a content security policy.
    fn digest(text: &str) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bits: Vec<u8> = Vec::new();
        for byte in Sha256::digest(text) {
            bits.extend((0..8).rev().map(|bit| byte >> bit & 1));
        }
        let mut out = String::from("sha256-");
        for six in bits.chunks(6) {
            let index =
                (0..6).fold(0, |value, bit| value << 1 | usize::from(six.get(bit).copied().unwrap_or(0)));
            out.push(char::from(LETTERS[index]));
        }
        // 256 bits are 43 letters and one of padding.
        out + "="
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // SHA-256 of nothing, in base 64.
        assert_eq!(digest(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn the_policy_names_the_style_and_the_script_of_the_page() {
        assert_eq!(STYLE_DIGEST, digest(&style()), "the style has changed");
        assert_eq!(SCRIPT_DIGEST, digest(SCRIPT), "the script has changed");
        assert_eq!(flame::STYLE_DIGEST, digest(flame::STYLE), "the style of flame graphs has changed");
        assert_eq!(flame::SCRIPT_DIGEST, digest(flame::SCRIPT), "the script of flame graphs has changed");
    }
}
