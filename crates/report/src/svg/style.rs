//! The style of charts: each colour once as a value for readers without custom properties, once as a property.

use std::fmt::Write;

use super::Theme;
use crate::Role;
use crate::palette::{DARK, LIGHT, Palette};

/// The rules of a chart, in terms of the palette's custom properties.
pub(crate) const CHART_CSS: &str = include_str!("chart.css");

/// Returns the class that carries the colour of `role`.
pub(crate) fn role_class(role: Role) -> &'static str {
    match role {
        Role::Measured => "measured",
        Role::Fit => "fit",
        Role::Forecast => "forecast",
        Role::Ideal => "ideal",
        Role::Limit => "limit",
        Role::Other(index) => ["other0", "other1", "other2", "other3"][usize::from(index) % 4],
    }
}

/// Returns the style of a standalone drawing.
pub(super) fn standalone(theme: Theme) -> String {
    let mut css = String::new();
    let (base, dark) = match theme {
        Theme::Auto => (LIGHT, true),
        Theme::Light => (LIGHT, false),
        Theme::Dark => (DARK, false),
    };
    let _ = write!(css, "svg{{{}}}", base.custom_properties());
    if dark {
        let _ = write!(css, "@media (prefers-color-scheme:dark){{svg{{{}}}}}", DARK.custom_properties());
    }
    css.push_str(&with_fallbacks(CHART_CSS, &base));
    css
}

/// Returns `css` with a plain colour before every declaration that uses a custom property, for viewers without them.
fn with_fallbacks(css: &str, palette: &Palette) -> String {
    let properties = palette.custom_properties();
    let colors: Vec<(&str, &str)> = properties.split(';').filter_map(|pair| pair.split_once(':')).collect();
    css.lines()
        .map(|line| match (line.find('{'), line.rfind('}')) {
            (Some(open), Some(close)) if line.contains("var(") => {
                let declarations = line[open + 1..close].split(';').map(|declaration| {
                    let plain = colors.iter().fold(declaration.to_owned(), |text, (name, color)| {
                        text.replace(&format!("var({name})"), color)
                    });
                    if plain == declaration { plain } else { format!("{plain};{declaration}") }
                });
                format!("{}{{{}}}", &line[..open], declarations.collect::<Vec<_>>().join(";"))
            }
            _ => line.to_owned(),
        })
        .collect()
}
