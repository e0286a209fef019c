from netpol_harness.errors import ApiError, ExecFailed


def test_an_api_error_shows_its_code_and_hint() -> None:
    assert str(ApiError(404, "NotFound", "pods not found")) == "pods not found (404 NotFound)"
    assert str(ApiError(403, "Forbidden", "no", "ask for it")) == "no (403 Forbidden); ask for it"


def test_an_api_error_names_the_request() -> None:
    error = ApiError(422, "Invalid", "spec.ports: Required value", "add one").about("Service shop/web", "create")
    assert str(error) == "cannot create Service shop/web: spec.ports: Required value (422 Invalid); add one"
    assert str(error.about("Service shop/web (a.yaml:1)")).startswith("cannot create Service shop/web (a.yaml:1): spec")
    assert (error.code, error.message) == (422, "spec.ports: Required value")


def test_errors_are_safe_for_a_terminal() -> None:
    assert str(ExecFailed("broken \x1b[2J")) == "broken \\x1b[2J"
