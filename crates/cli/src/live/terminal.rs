//! A terminal that is borrowed for a full-screen view, and given back as it was, whatever happens.

use std::io::{self, Write};
use std::sync::Mutex;

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use rustix::termios::{self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios};

/// The modes that standard error's terminal had, while it is borrowed.
static BORROWED: Mutex<Option<Termios>> = Mutex::new(None);

/// Gives the terminal back when it is dropped; a panic gives it back before it prints its message.
pub(super) struct Borrowed(());

/// Borrows the terminal of standard error: keys are not shown, and Ctrl-Z, which would leave the shell with a full screen
/// that is not its own, does nothing. Ctrl-C still interrupts.
///
/// # Errors
///
/// If standard error is no terminal.
pub(super) fn borrow() -> io::Result<Borrowed> {
    let before = termios::tcgetattr(io::stderr())?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
    modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
    set_borrowed(Some(before));
    give_back_before_panics();
    termios::tcsetattr(io::stderr(), OptionalActions::Drain, &modes)?;
    let borrowed = Borrowed(());
    execute!(io::stderr(), EnterAlternateScreen, Hide)?;
    Ok(borrowed)
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        give_back();
    }
}

/// Returns the columns and rows of the terminal.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = termios::tcgetwinsize(io::stderr()).ok()?;
    Some((size.ws_col, size.ws_row))
}

fn set_borrowed(modes: Option<Termios>) -> Option<Termios> {
    // Nothing panics while it is locked: what is poisoned is still right.
    let mut borrowed = BORROWED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::mem::replace(&mut *borrowed, modes)
}

/// Gives the terminal back, if it is borrowed. What was typed meanwhile was not meant for the shell.
fn give_back() {
    if let Some(before) = set_borrowed(None) {
        let mut errors = io::stderr().lock();
        let _ = execute!(errors, Show, LeaveAlternateScreen);
        let _ = errors.flush();
        let _ = termios::tcflush(io::stderr(), QueueSelector::IFlush);
        let _ = termios::tcsetattr(io::stderr(), OptionalActions::Drain, &before);
    }
}

fn give_back_before_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    #[test]
    #[ignore = "panics: another test runs it on a terminal"]
    fn panics_on_a_terminal() {
        let _borrowed = super::borrow().unwrap();
        panic!("on purpose");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_its_message() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/on_terminal.py");
        let test = ["--ignored", "--exact", "--nocapture", "live::terminal::tests::panics_on_a_terminal"];
        let output = Command::new("python3")
            .arg(script)
            .args(["80", "24", "0", "--"])
            .arg(std::env::current_exe().unwrap())
            .args(test)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // The script escapes the escapes.
        let (leave, message) = (text.find("[?1049l"), text.find("on purpose"));
        assert!(leave.is_some() && leave < message, "{text}");
        assert_eq!(text.matches("[?1049l").count(), 1, "{text}");
        assert!(text.contains("\"restored\": true"), "{text}");
    }
}
