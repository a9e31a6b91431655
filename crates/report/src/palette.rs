//! Colours: the same meaning in both themes, told apart by readers who see fewer hues, with text that can be read.
//!
//! Text and every series colour have a contrast of at least 4.5 to 1 against what lies behind them. Source of the
//! measure: WCAG 2.2, <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>.

use crate::Role;

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color(pub u8, pub u8, pub u8);

/// The colours of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Behind the page.
    pub background: Color,
    /// Behind charts, tables and findings.
    pub surface: Color,
    /// Text.
    pub text: Color,
    /// Text of less weight.
    pub muted: Color,
    /// Lines between rows, frames.
    pub rule: Color,
    /// Lines of a grid behind data.
    pub grid: Color,
    /// Measured values; also links and what can be pressed.
    pub measured: Color,
    /// Fits and forecasts.
    pub fit: Color,
    /// The ideal.
    pub ideal: Color,
    /// Limits; also errors.
    pub limit: Color,
    /// Series without a role.
    pub others: [Color; 4],
    /// What is as hoped.
    pub good: Color,
    /// Warnings.
    pub warning: Color,
}

/// Dark on light.
pub const LIGHT: Palette = Palette {
    background: Color(0xfb, 0xfb, 0xfa),
    surface: Color(0xff, 0xff, 0xff),
    text: Color(0x1b, 0x1f, 0x24),
    muted: Color(0x5b, 0x63, 0x6c),
    rule: Color(0xdc, 0xdf, 0xe3),
    grid: Color(0xe9, 0xeb, 0xee),
    measured: Color(0x00, 0x5f, 0xa8),
    fit: Color(0xb8, 0x45, 0x00),
    ideal: Color(0x66, 0x6d, 0x75),
    limit: Color(0xd4, 0x14, 0x5a),
    others: [
        Color(0x05, 0x83, 0x47),
        Color(0xab, 0x22, 0xd4),
        Color(0x71, 0x3d, 0x05),
        Color(0x1c, 0x14, 0xc4),
    ],
    good: Color(0x0a, 0x6e, 0x4f),
    warning: Color(0x8a, 0x57, 0x00),
};

/// Light on dark.
pub const DARK: Palette = Palette {
    background: Color(0x12, 0x15, 0x19),
    surface: Color(0x18, 0x1c, 0x21),
    text: Color(0xe8, 0xea, 0xed),
    muted: Color(0xa4, 0xac, 0xb5),
    rule: Color(0x33, 0x39, 0x41),
    grid: Color(0x27, 0x2c, 0x33),
    measured: Color(0x62, 0xb0, 0xf5),
    fit: Color(0xff, 0x9a, 0x52),
    ideal: Color(0x9a, 0xa2, 0xac),
    limit: Color(0xff, 0x4f, 0x86),
    others: [
        Color(0x4c, 0xf0, 0x9a),
        Color(0xd8, 0x60, 0xff),
        Color(0xf2, 0xf0, 0x4a),
        Color(0x6f, 0x8c, 0xf0),
    ],
    good: Color(0x5c, 0xd0, 0xa0),
    warning: Color(0xf0, 0xb9, 0x4a),
};

impl Color {
    /// Returns the colour as `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Returns the contrast ratio to `other`, from 1 (equal) to 21 (black on white).
    ///
    /// ```
    /// # use festina_report::palette::Color;
    /// assert_eq!(Color(0, 0, 0).contrast(Color(255, 255, 255)), 21.0);
    /// ```
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Returns the relative luminance of WCAG, in `[0, 1]`.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Returns the linear components, in `[0, 1]`.
    fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|byte| {
            let c = f64::from(byte) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }
}

impl Palette {
    /// Returns the colour of `role`.
    pub fn role(&self, role: Role) -> Color {
        match role {
            Role::Measured => self.measured,
            Role::Fit | Role::Forecast => self.fit,
            Role::Ideal => self.ideal,
            Role::Limit => self.limit,
            Role::Other(index) => self.others[usize::from(index) % self.others.len()],
        }
    }

    /// Returns the palette as CSS custom properties.
    pub(crate) fn custom_properties(&self) -> String {
        let named = [
            ("background", self.background),
            ("surface", self.surface),
            ("text", self.text),
            ("muted", self.muted),
            ("rule", self.rule),
            ("grid", self.grid),
            ("measured", self.measured),
            ("fit", self.fit),
            ("ideal", self.ideal),
            ("limit", self.limit),
            ("other0", self.others[0]),
            ("other1", self.others[1]),
            ("other2", self.others[2]),
            ("other3", self.others[3]),
            ("good", self.good),
            ("warning", self.warning),
        ];
        named.map(|(name, color)| format!("--{name}:{}", color.hex())).join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        // #767676 on white is the lightest grey that passes 4.5:1; computed by hand: 4.54.
        assert!((Color(0x76, 0x76, 0x76).contrast(Color(255, 255, 255)) - 4.54).abs() < 0.005);
        // Pure red on white: luminance 0.2126, (1.05) / (0.2626) = 3.998.
        assert!((Color(255, 0, 0).contrast(Color(255, 255, 255)) - 3.998).abs() < 0.001);
    }

    #[test]
    fn all_text_and_all_series_can_be_read_in_both_themes() {
        for palette in [LIGHT, DARK] {
            let inks = [palette.text, palette.muted, palette.good, palette.warning]
                .into_iter()
                .chain(Role::ALL.map(|role| palette.role(role)));
            for ink in inks {
                for behind in [palette.background, palette.surface] {
                    let contrast = ink.contrast(behind);
                    assert!(contrast >= 4.5, "{} on {}: {contrast:.2}", ink.hex(), behind.hex());
                }
            }
        }
    }

    /// Simulates colour blindness. Matrices: G. M. Machado et al., *A physiologically-based model for simulation of
    /// color vision deficiency*, IEEE TVCG 2009, severity 1.
    fn seen(color: Color, matrix: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = color.linear();
        let mixed = matrix.map(|row| row.iter().zip(linear).map(|(m, c)| m * c).sum::<f64>().clamp(0.0, 1.0));
        oklab(mixed)
    }

    /// Converts linear sRGB to Oklab. Source: B. Ottosson, <https://bottosson.github.io/posts/oklab/>.
    fn oklab([r, g, b]: [f64; 3]) -> [f64; 3] {
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766 * s,
        ]
    }

    #[test]
    fn the_roles_of_one_chart_differ_for_readers_who_see_fewer_hues() {
        const NORMAL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        const PROTANOPIA: [[f64; 3]; 3] = [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ];
        const DEUTERANOPIA: [[f64; 3]; 3] = [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ];
        // Oklab distances: 0.02 can just be seen side by side. Measured, fit and ideal share most charts.
        // A forecast has its fit's colour, and a dash.
        let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| *role != Role::Forecast).collect();
        for palette in [LIGHT, DARK] {
            for matrix in [NORMAL, PROTANOPIA, DEUTERANOPIA] {
                for (i, a) in roles.iter().enumerate() {
                    for (j, b) in roles.iter().enumerate().skip(i + 1) {
                        let (p, q) = (seen(palette.role(*a), matrix), seen(palette.role(*b), matrix));
                        let distance = p.iter().zip(q).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt();
                        let least = if j < 3 { 0.1 } else { 0.039 };
                        assert!(distance >= least, "{a:?} {b:?}: {distance:.3} {matrix:?}");
                    }
                }
            }
        }
    }
}
