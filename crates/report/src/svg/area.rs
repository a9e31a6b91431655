//! The rectangle in which data are drawn.

use crate::plot::Frame;

/// A rectangle in pixels, from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Area {
    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Returns the pixel at the share `at` of the width.
    pub(crate) fn x(&self, at: f64) -> f64 {
        self.left + at * self.width
    }

    /// Returns the pixel at the share `at` of the height, counted upwards.
    pub(crate) fn y(&self, at: f64) -> f64 {
        self.top + (1.0 - at) * self.height
    }

    /// Returns the pixel of a value, where it has one.
    pub(crate) fn pixel(&self, frame: &Frame, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = frame.position(x, y)?;
        Some((self.x(x), self.y(y)))
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right()
            && other.left < self.right()
            && self.top < other.bottom()
            && other.top < self.bottom()
    }

    pub(crate) fn holds(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right()).contains(&x) && (self.top..=self.bottom()).contains(&y)
    }
}
