//! Memory beside pages that must not be touched: reading or writing out of bounds ends the test with a fault.

use std::{
    hint::black_box,
    ptr::{self, NonNull},
};

/// Where the numbers lie between two guard pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the end of the first one on.
    Start,
    /// Up to the start of the second one.
    End,
}

/// Numbers, zero at first, with a guard page right before or right behind them.
pub struct Guarded {
    map: NonNull<libc::c_void>,
    map_len: usize,
    first: NonNull<f32>,
    len: usize,
}

// SAFETY: the pages belong to this value alone.
unsafe impl Send for Guarded {}

impl Guarded {
    pub fn zeros(len: usize, side: Side) -> Self {
        let page = page();
        let bytes = len * size_of::<f32>();
        let inner = bytes.max(1).next_multiple_of(page);
        let map_len = inner + 2 * page;
        let (kind, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new pages anywhere, which nothing else uses.
        let map = unsafe { libc::mmap(ptr::null_mut(), map_len, kind, flags, -1, 0) };
        assert_ne!(map, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        let start = map.wrapping_byte_add(page);
        // SAFETY: pages of the map.
        let opened = unsafe { libc::mprotect(start, inner, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
        let before = if side == Side::Start { 0 } else { inner - bytes };
        let first = start.wrapping_byte_add(before).cast::<f32>();
        let (map, first) = (NonNull::new(map).unwrap(), NonNull::new(first).unwrap());
        Self { map, map_len, first, len }
    }

    /// A copy of some numbers.
    pub fn copy(numbers: &[f32], side: Side) -> Self {
        let mut copy = Self::zeros(numbers.len(), side);
        copy.as_mut().copy_from_slice(numbers);
        copy
    }
}

impl AsMut<[f32]> for Guarded {
    fn as_mut(&mut self) -> &mut [f32] {
        // SAFETY: so many numbers are there, and borrowed from this value.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the pages that this value made.
        unsafe { libc::munmap(self.map.as_ptr(), self.map_len) };
    }
}

fn page() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}

/// Whether a child process that does something ends with a fault.
fn faults(act: impl Fn()) -> bool {
    // SAFETY: the child only touches memory that is there already, and ends.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            act();
            libc::_exit(0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        libc::WIFSIGNALED(status)
    }
}

#[test]
fn a_number_beside_the_memory_cannot_be_touched() {
    for len in [1, 16, 5000] {
        let mut numbers = Guarded::zeros(len, Side::End);
        let behind = numbers.as_mut().as_mut_ptr().wrapping_add(len);
        // SAFETY: the last one is there; the one behind it is what this is about, in a child process.
        unsafe {
            assert!(!faults(|| behind.wrapping_sub(1).write_volatile(1.0)));
            assert!(faults(|| behind.write_volatile(1.0)));
        }
        let mut numbers = Guarded::zeros(len, Side::Start);
        let first = numbers.as_mut().as_mut_ptr();
        // SAFETY: the same.
        unsafe {
            assert!(!faults(|| _ = black_box(first.read_volatile())));
            assert!(faults(|| _ = black_box(first.wrapping_sub(1).read_volatile())));
        }
    }
}
