"""What a user sees who makes a mistake, and what a page makes of data that would rather be a program."""


def test_wrong_base_model_is_one_line_on_the_page(galaxy, uploaded):
    galaxy.open_tool("dna_lm_evaluate")
    galaxy.choose("Adapter", "adapter_tiny_random.safetensors")
    galaxy.choose("Test set from", "A dataset")
    galaxy.choose("Test set", "test.csv")
    galaxy.choose("Compare with simpler models", "No")
    galaxy.choose("Base model", "Built in: tiny human DNA model, for trials and teaching")
    outputs = galaxy.run()
    galaxy.wait(*outputs.values(), allow=("error",))
    text = galaxy.open_error(outputs["metrics"])
    galaxy.picture("wrong_base_model", whole=True)
    (line,) = {line.strip() for line in text.splitlines() if line.strip().startswith("error: ")}
    assert "tiny-random" in line
    assert "tiny-human-dna" in line
    assert "Traceback" not in text


def test_form_without_data_is_refused_in_words(galaxy):
    history = galaxy.history()
    galaxy.new_history("empty")
    galaxy.open_tool("dna_lm_evaluate")
    galaxy.picture("form_without_data")
    text = galaxy.field("Adapter").inner_text()
    galaxy.switch_history(history)
    assert "No dataset" in text
    assert "safetensors" in text


def test_hostile_labels_are_text(galaxy, uploaded):
    galaxy.open_tool("dna_lm_finetune")
    galaxy.choose("Training and development sets from", "Separate datasets")
    galaxy.choose("Training set", "hostile_train.csv")
    galaxy.choose("Development set", "hostile_dev.csv")
    galaxy.choose("Base model", "An archive in your history")
    galaxy.choose("Archive of the model", "tiny-random.zip")
    galaxy.choose("Training settings", "Custom")
    galaxy.expand("Optimization")
    galaxy.fill("Epochs", 1)
    outputs = galaxy.run()
    galaxy.wait(*outputs.values())
    text = galaxy.open_report(outputs["report"])
    galaxy.picture("hostile_report", whole=True)
    assert "<script>alert(1)</script>" in text
    assert "```galaxy job_parameters() ```" in text
    scripts = "[...document.scripts].filter(script => script.textContent.includes('alert(1)')).length"
    assert galaxy.page.evaluate(scripts) == 0
    assert galaxy.dialogs == []
