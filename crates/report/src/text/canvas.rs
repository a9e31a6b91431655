//! A grid of terminal cells with dots finer than a cell.
//!
//! A braille character has two by four dots (U+2800 and eight bits); where only ASCII can be shown, a cell is one
//! dot. Glyphs (markers, ticks) take whole cells and lie above dots, dots above shades.

use super::style::{Ink, Style};

/// The columns and rows of dots in a braille cell.
const BRAILLE: (usize, usize) = (2, 4);
/// The bit of each dot, by column and row.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A grid of cells.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
    braille: bool,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    dots: u8,
    plain: char,
    shade: Option<char>,
    glyph: Option<char>,
    ink: Ink,
}

const EMPTY: Cell = Cell { dots: 0, plain: ' ', shade: None, glyph: None, ink: Ink::Plain };

impl Canvas {
    pub(super) fn new(columns: usize, rows: usize, braille: bool) -> Self {
        Self { columns, rows, cells: vec![EMPTY; columns * rows], braille }
    }

    /// Returns the number of cells across.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the numbers of dots across and down.
    pub(super) fn dots(&self) -> (usize, usize) {
        let (x, y) = if self.braille { BRAILLE } else { (1, 1) };
        (self.columns * x, self.rows * y)
    }

    /// Returns the dot at shares of the width and of the height, counted upwards; `None` outside.
    pub(super) fn dot(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let inside = (-1e-9..=1.0 + 1e-9).contains(&x) && (-1e-9..=1.0 + 1e-9).contains(&y);
        let (width, height) = self.dots();
        inside.then(|| {
            let column = (x.clamp(0.0, 1.0) * (width - 1) as f64).round() as usize;
            let row = ((1.0 - y.clamp(0.0, 1.0)) * (height - 1) as f64).round() as usize;
            (column, row)
        })
    }

    /// Returns the cell at shares of the width and of the height inside the canvas.
    pub(super) fn cell_at(&self, x: f64, y: f64) -> (usize, usize) {
        self.dot(x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)).map_or((0, 0), |dot| self.cell_of(dot))
    }

    /// Sets a dot, shown as `plain` where there is no braille.
    pub(super) fn set(&mut self, (x, y): (usize, usize), plain: char, ink: Ink) {
        let (width, height) = if self.braille { BRAILLE } else { (1, 1) };
        let braille = self.braille;
        if let Some(cell) = self.cell(x / width, y / height) {
            if braille {
                cell.dots |= BITS[x % width][y % height];
            }
            cell.plain = plain;
            cell.ink = ink;
        }
    }

    /// Shades the cells in a column of dots that the dots from `top` to `bottom` fill by more than half.
    pub(super) fn shade(&mut self, column: usize, top: usize, bottom: usize, shade: char, ink: Ink) {
        let (width, height) = if self.braille { BRAILLE } else { (1, 1) };
        for row in top / height..=bottom / height {
            let filled = (bottom + 1).min((row + 1) * height) - top.max(row * height);
            if 2 * filled > height
                && let Some(cell) = self.cell(column / width, row)
                && cell.shade.is_none()
            {
                cell.shade = Some(shade);
                cell.ink = ink;
            }
        }
    }

    /// Returns the cell that holds a dot.
    pub(super) fn cell_of(&self, (x, y): (usize, usize)) -> (usize, usize) {
        let (width, height) = if self.braille { BRAILLE } else { (1, 1) };
        (x / width, y / height)
    }

    /// Puts a character in a cell; with `over`, above what is there.
    pub(super) fn put(&mut self, (column, row): (usize, usize), glyph: char, ink: Ink, over: bool) {
        if let Some(cell) = self.cell(column, row)
            && (over || (cell.glyph.is_none() && cell.dots == 0 && cell.plain == ' '))
        {
            cell.glyph = Some(glyph);
            cell.ink = ink;
        }
    }

    /// Returns the row `index` as text.
    pub(super) fn row(&self, index: usize, style: &Style) -> String {
        let mut out = String::new();
        let cells = &self.cells[index * self.columns..(index + 1) * self.columns];
        for run in cells.chunk_by(|a, b| a.ink == b.ink) {
            let text: String = run.iter().map(Cell::character).collect();
            if text.trim().is_empty() {
                out.push_str(&text);
            } else {
                out.push_str(&style.paint(&text, run[0].ink));
            }
        }
        out
    }

    fn cell(&mut self, column: usize, row: usize) -> Option<&mut Cell> {
        if column < self.columns && row < self.rows {
            self.cells.get_mut(row * self.columns + column)
        } else {
            None
        }
    }
}

impl Cell {
    fn character(&self) -> char {
        if let Some(glyph) = self.glyph {
            glyph
        } else if self.dots > 0 {
            char::from_u32(0x2800 + u32::from(self.dots)).unwrap_or(' ')
        } else if self.plain != ' ' {
            self.plain
        } else {
            self.shade.unwrap_or(' ')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextOptions;

    fn row(canvas: &Canvas, index: usize) -> String {
        canvas.row(index, &Style::new(&TextOptions::default()))
    }

    #[test]
    fn dots_have_the_bits_of_the_unicode_chart() {
        // U+2847 has the whole left column (dots 1, 2, 3, 7); U+28B8 the right one (4, 5, 6, 8).
        let mut canvas = Canvas::new(2, 1, true);
        (0..4).for_each(|y| canvas.set((0, y), '*', Ink::Plain));
        (0..4).for_each(|y| canvas.set((3, y), '*', Ink::Plain));
        assert_eq!(row(&canvas, 0), "\u{2847}\u{28b8}");
    }

    #[test]
    fn a_dot_without_braille_is_a_character() {
        let mut canvas = Canvas::new(3, 2, false);
        assert_eq!(canvas.dots(), (3, 2));
        canvas.set((2, 1), '*', Ink::Plain);
        assert_eq!([row(&canvas, 0), row(&canvas, 1)], ["   ", "  *"]);
    }

    #[test]
    fn corners_of_the_shares_are_corners_of_the_dots() {
        let canvas = Canvas::new(10, 5, true);
        assert_eq!(canvas.dot(0.0, 0.0), Some((0, 19)));
        assert_eq!(canvas.dot(1.0, 1.0), Some((19, 0)));
        assert_eq!(canvas.dot(1.01, 0.5), None);
        assert_eq!(canvas.cell_at(1.5, -1.0), (9, 4));
    }

    #[test]
    fn glyphs_lie_above_dots_and_dots_above_shades() {
        let mut canvas = Canvas::new(3, 1, true);
        for column in 0..6 {
            canvas.shade(column, 0, 3, '░', Ink::Plain);
        }
        canvas.set((2, 0), '*', Ink::Plain);
        canvas.set((4, 0), '*', Ink::Plain);
        canvas.put((2, 0), '●', Ink::Plain, true);
        canvas.put((1, 0), '┊', Ink::Plain, false);
        assert_eq!(row(&canvas, 0), "░⠁●");
    }

    #[test]
    fn a_cell_is_shaded_where_more_than_half_is_filled() {
        let mut canvas = Canvas::new(1, 3, true);
        canvas.shade(0, 2, 9, '░', Ink::Plain);
        // Dots 2 to 9: half of the first cell, all of the second, half of the third.
        assert_eq!([0, 1, 2].map(|index| row(&canvas, index)), [" ", "░", " "]);
    }
}
