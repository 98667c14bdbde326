//! Merkle trees as logs build them (RFC 6962, 2.1), written out naively.

use super::key::Hash;

/// The hash of a leaf.
pub(crate) fn leaf_hash(entry: &[u8]) -> Vec<u8> {
    Hash::Sha256.of(&[&[0], entry].concat())
}

/// The root over leaf hashes.
pub(crate) fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => Hash::Sha256.of(&[]),
        [leaf] => leaf.clone(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The hashes that lead from the leaf at `index` to the root, lowest first.
pub(crate) fn path(leaves: &[Vec<u8>], index: usize) -> Vec<Vec<u8>> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut below, sibling) = if index < middle {
        (path(left, index), root(right))
    } else {
        (path(right, index - middle), root(left))
    };
    below.push(sibling);
    below
}

/// The largest power of two below `length`.
fn split(length: usize) -> usize {
    length.next_power_of_two() / 2
}

fn node(left: &[u8], right: &[u8]) -> Vec<u8> {
    Hash::Sha256.of(&[&[1], left, right].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_the_root() {
        for size in 1..20 {
            let leaves: Vec<_> = (0..size).map(|number| leaf_hash(&[number])).collect();
            for index in 0..leaves.len() {
                assert_eq!(
                    walked(&leaves, index),
                    root(&leaves),
                    "leaf {index} of {size}"
                );
            }
        }
    }

    /// By RFC 9162, 2.1.3.2, which goes the other way round.
    fn walked(leaves: &[Vec<u8>], index: usize) -> Vec<u8> {
        let (mut position, mut last) = (index, leaves.len() - 1);
        let mut hash = leaves[index].clone();
        for sibling in path(leaves, index) {
            if position % 2 == 1 || position == last {
                hash = node(&sibling, &hash);
                while position % 2 == 0 && position != 0 {
                    position >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node(&hash, &sibling);
            }
            position >>= 1;
            last >>= 1;
        }
        assert_eq!(last, 0);
        hash
    }
}
