"""Releases and rollouts: uploaded and started by hand, watched node by node, refused by name."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import City, OpenPage, Watch

# Download, check, trial boot and echo of every node of a kind, one phase after the other.
ROLLOUT_MS = 90_000


@pytest.fixture
def release(city: City, tmp_path: Path) -> Path:
    """A signed release of the greenhouses' next application."""
    file = tmp_path / "greenhouse-1.1.0.release"
    what = ("--kind", "greenhouse", "--version", "1.1.0", "--counter", "2")
    city.demo.cityfleet("release", "build", *what, "--expires-days", "3650", "--out", str(file))
    key = city.demo.data / "release-keys" / "release-key.pem"
    city.demo.cityfleet("release", "sign", str(file), "--key", str(key))
    return file


def roll_out(page: Page, words: str) -> None:
    page.get_by_role("button", name=words).click()
    page.get_by_role("dialog").get_by_role("button", name="Bắt đầu").click()


def test_a_release_is_uploaded_rolled_out_and_confirmed_by_every_node(
    city: City, open_page: OpenPage, release: Path
) -> None:
    page = open_page("/releases")
    expect(page.locator("#no-rollouts")).to_be_visible()
    page.locator("#upload input").set_input_files(release)
    row = page.locator("#releases tr", has_text="1.1.0")
    expect(row).to_contain_text("đã xác thực")
    roll_out(page, "Triển khai Nhà kính 1.1.0")
    rollout = page.locator(".rollout", has_text="Nhà kính 1.1.0")
    expect(rollout).to_contain_text("3 trên 3 đã xác nhận", timeout=ROLLOUT_MS)
    expect(rollout).to_contain_text("đã xong")
    expect(rollout.locator('.node-step[data-state="confirmed"]')).to_have_count(3)
    nodes = city.api("GET", "nodes?kind=greenhouse")["nodes"]
    assert {node["app_version"] for node in nodes} == {"1.1.0"}
    node = open_page("/nodes/dl-gh-01")
    expect(node.locator("#node-facts")).to_contain_text("1.1.0")
    expect(node.locator("#events")).to_contain_text("Đã xác nhận cập nhật")


def test_a_forged_release_is_shown_as_such_and_refused_by_name(
    city: City, open_page: OpenPage
) -> None:
    city.demo.cityfleet("demo", "forge-release", "--kind", "reservoir")
    page = open_page("/releases")
    row = page.locator("#releases tr", has_text="6.6.6")
    expect(row).to_contain_text("chưa xác thực: Ký bằng khóa không được tin cậy")
    roll_out(page, "Triển khai Hồ chứa 6.6.6")
    rollout = page.locator(".rollout", has_text="Hồ chứa 6.6.6")
    expect(rollout).to_contain_text(
        "Đã dừng: nút đầu tiên từ chối bản phát hành", timeout=ROLLOUT_MS
    )
    expect(rollout).to_contain_text("tạm dừng")
    refused = rollout.locator('.node-step[data-state="refused"]')
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("Ký bằng khóa không được tin cậy")
    expect(rollout.locator('.node-step[data-state="pending"]')).to_have_count(2)
    rollout.get_by_role("button", name="Hủy bỏ").click()
    expect(rollout).to_contain_text("đã hủy")
    nodes = city.api("GET", "nodes?kind=reservoir")["nodes"]
    assert {node["app_version"] for node in nodes} == {"1.0.0"}


def test_a_file_that_is_no_release_is_refused_in_plain_words(
    open_page: OpenPage, watch: Watch, tmp_path: Path
) -> None:
    watch.expected.append("422")
    wrong = tmp_path / "holiday.release"
    wrong.write_bytes(b"not a release")
    page = open_page("/releases")
    page.locator("#upload input").set_input_files(wrong)
    expect(page.locator("#toasts")).to_contain_text("Tệp này không phải bản phát hành.")


def test_a_viewer_looks_but_starts_nothing(open_page: OpenPage) -> None:
    page = open_page("/releases", user="viewer")
    expect(page.get_by_text("Tài khoản của bạn chỉ được xem.")).to_be_visible()
    expect(page.locator("#upload")).to_have_count(0)
    expect(page.get_by_role("button", name="Triển khai")).to_have_count(0)
