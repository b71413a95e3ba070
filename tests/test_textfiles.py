from dna_lm.textfiles import describe


def test_a_message_names_the_file_but_not_galaxys_own_name_for_it():
    assert describe("/home/me/peaks.fa", "the input") == "the input (peaks.fa)"
    assert describe("/home/me/dataset_12.fa", "the input") == "the input (dataset_12.fa)"
    assert describe("/galaxy/files/dataset_12.dat", "the input") == "the input"
    assert describe("/galaxy/files/dataset_97b686cb-c64b-48d0-a27c-5fce4c6910c3.dat", "the input") == "the input"
