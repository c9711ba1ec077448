"""Keeping records as long as the law asks, and no person's data longer.

store          what a locking store can do; folder_store and s3_store are the two that there are
canonical      rows as bytes that hash the same in any year
requests       extensions, holds, releases and relationships' ends, kept in the store itself
archive        what lies cold: its batches and their manifests
move           hot to cold: copy, read back, compare, manifest, and only then drop
verify         re-reads the cold store and compares it with its manifests
expiry         deletes what is past every term, and writes down what, why and by which rule
book           of each batch, how long it is kept, where, why and by which rules
vault          values of persons, each encrypted with a key of that person, so that destroying the key erases them
"""
