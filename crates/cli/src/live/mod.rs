//! How a load goes, on a whole terminal.

mod terminal;
mod view;

use std::io::{self, BufWriter, Stderr};
use std::time::{Duration, Instant};

use festina::load::{TimelinePoint, Totals};
use festina::{CancelToken, LoadObserver};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use view::View;

/// Shows a load on the terminal of standard error while it goes.
pub(crate) struct Live {
    // Dropped in this order: the terminal is given back last.
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    view: View,
    cancel: CancelToken,
    drawn: Option<Instant>,
    size: (u16, u16),
    _borrowed: terminal::Borrowed,
}

/// A smaller terminal gets a line instead.
const SMALLEST: (u16, u16) = (60, 16);
/// How often it is drawn at most: more would cost processor time that the service may need.
const PERIOD: Duration = Duration::from_millis(200);

impl Live {
    /// Borrows the terminal of standard error; `None` if there is none that is large enough.
    pub(crate) fn new(title: &str, cancel: &CancelToken) -> Option<Self> {
        let size = terminal::size().filter(|size| size.0 >= SMALLEST.0 && size.1 >= SMALLEST.1)?;
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let backend = CrosstermBackend::new(BufWriter::new(io::stderr()));
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport }).ok()?;
        let borrowed = terminal::borrow().ok()?;
        let view = View::new(title);
        Some(Self { terminal, view, cancel: cancel.clone(), drawn: None, size, _borrowed: borrowed })
    }

    /// Draws, as far as the terminal allows: a view that cannot be drawn is no reason to end a measurement.
    fn draw(&mut self) {
        let Some(size) = terminal::size() else { return };
        let is_stopping = self.cancel.is_requested();
        // A word of the signal handler's may have come between.
        if size != self.size || is_stopping != self.view.is_stopping {
            self.size = size;
            self.view.is_stopping = is_stopping;
            let _ = self.terminal.resize(Rect::new(0, 0, size.0, size.1));
        }
        let _ = self.terminal.draw(|frame| self.view.draw(frame));
        self.drawn = Some(Instant::now());
    }
}

impl LoadObserver for Live {
    fn tick(&mut self, point: &TimelinePoint) {
        self.view.add(point);
    }

    fn totals(&mut self, totals: &Totals<'_>) {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= PERIOD) {
            self.view.set_totals(totals);
            self.draw();
        }
    }
}
