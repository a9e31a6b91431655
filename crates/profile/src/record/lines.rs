//! Lines and inlined functions of machine code, told once the program has ended.

use std::collections::HashMap;

use crate::native::{FileAddress, Place};
use crate::recording::{Catalogue, Frame, Recording, Stack};

/// Puts the functions that `places` tells, the innermost first, in the place of each frame of machine code in `frames`; where it
/// tells none, frames of the same function become one.
pub(super) fn expand(
    recording: &mut Recording,
    frames: &HashMap<FileAddress, u32>,
    places: impl Fn(FileAddress) -> Vec<Place>,
) {
    if frames.is_empty() {
        return;
    }
    let mut catalogue = Catalogue::default();
    let mut told: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut addresses: Vec<(&FileAddress, &u32)> = frames.iter().collect();
    addresses.sort_unstable();
    for (address, frame) in addresses {
        let mut own = Vec::new();
        for Place { function, line } in places(*address).into_iter().rev() {
            let function = catalogue.function(recording, function);
            own.push(catalogue.frame(recording, Frame { function, line }));
        }
        if own.is_empty() {
            let frame = recording.frames[*frame as usize];
            own.push(catalogue.frame(recording, frame));
        }
        told.insert(*frame, own);
    }
    let stacks = std::mem::take(&mut recording.stacks);
    let mut new: Vec<u32> = Vec::with_capacity(stacks.len());
    let mut catalogue = Catalogue::new(recording);
    for (index, Stack { parent, frame }) in stacks.into_iter().enumerate() {
        if index == 0 {
            new.push(0);
            continue;
        }
        let parent = new[parent as usize];
        let frames = told.get(&frame).map_or(std::slice::from_ref(&frame), Vec::as_slice);
        new.push(frames.iter().fold(parent, |stack, frame| catalogue.stack(recording, stack, *frame)));
    }
    for change in recording.threads.iter_mut().flat_map(|thread| &mut thread.changes) {
        change.stack = new[change.stack as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::tests::two_threads;
    use crate::recording::{Function, Kind};

    #[test]
    fn an_address_becomes_the_functions_it_is_in_and_what_is_untold_one_frame() {
        let mut recording = two_threads();
        let function = |name: &str| Function {
            name: name.to_owned(),
            file: "/a/program.c".to_owned(),
            first_line: 0,
            kind: Kind::Native,
        };
        let before: Vec<u32> = recording.threads[0].changes.iter().map(|change| change.stack).collect();
        // `inner` of `main` calls machine code at three addresses of one function, of the second of which nothing is told.
        recording.functions.push(function("symbol"));
        let native = recording.functions.len() as u32 - 1;
        let first = recording.frames.len() as u32;
        recording.frames.extend([Frame { function: native, line: 0 }; 3]);
        let parent = before[0];
        let stack = recording.stacks.len() as u32;
        recording.stacks.extend((0..3).map(|index| Stack { parent, frame: first + index }));
        recording.threads[1].changes[0].stack = stack;
        recording.threads[0].changes[0].stack = stack + 1;
        recording.threads[0].changes[1].stack = stack + 2;
        let address = |address| FileAddress { file: (1, 2), address };
        let frames =
            HashMap::from([(address(10), first), (address(20), first + 1), (address(30), first + 2)]);
        expand(&mut recording, &frames, |address| match address.address {
            10 => ["innermost", "outer"].map(|name| Place { function: function(name), line: 7 }).into(),
            _ => Vec::new(),
        });
        let names = |stack| -> Vec<&str> {
            let frames = recording.frames_of(stack);
            frames.map(|frame| recording.functions[frame.function as usize].name.as_str()).collect()
        };
        assert_eq!(names(recording.threads[1].changes[0].stack), ["innermost", "outer", "inner", "main"]);
        let [second, third] = [0, 1].map(|index| recording.threads[0].changes[index].stack);
        assert_eq!(names(second), ["symbol", "inner", "main"]);
        assert_eq!(second, third);
    }
}
