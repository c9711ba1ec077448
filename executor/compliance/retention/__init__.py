"""Keeping records as long as the law asks, and no person's data longer.

store          what a locking store can do; folder_store and s3_store are the two that there are
canonical      rows as bytes that hash the same in any year
archive        what lies cold: its manifests, what was asked for, what it says about each batch
move           hot to cold: copy, read back, compare, manifest, and only then drop
verify         re-reads the cold store and compares it with its manifests
expiry         deletes what is past every term, and writes down what, why and by which rule
vault          values of persons, each encrypted with a key of that person, so that destroying the key erases them
"""
