"""Enrolment, refused messages and the audit: the pages made of htmx fragments."""

import re
from pathlib import Path

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import expect

from tests.browser.conftest import City, OpenPage, Watch
from tools.demo.folder import DemoFolder


def say(city: City, node: str, payload: bytes, folder: Path) -> None:
    """Publishes a payload as a node, with the node's own key and certificate."""
    identity = DemoFolder(city.demo.data).node(node) / "identity"
    pem = serialization.Encoding.PEM
    key = serialization.load_der_private_key((identity / "key.der").read_bytes(), None)
    kind = serialization.PrivateFormat.PKCS8
    chain = (identity / "cert.der").read_bytes()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))
    (folder / "cert.pem").write_bytes(x509.load_der_x509_certificate(chain).public_bytes(pem))
    root = x509.load_der_x509_certificate((identity / "ca.der").read_bytes())
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=node)
    client.tls_set(  # pyright: ignore[reportUnknownMemberType]
        str(folder / "ca.pem"), str(folder / "cert.pem"), str(folder / "key.pem")
    )
    client.connect("127.0.0.1", city.demo.note["ports"]["broker"], 30)
    client.loop_start()
    client.publish(f"cf1/{node}/up/report", payload, 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_a_refused_message_appears_with_its_reason_and_first_bytes(
    city: City, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/messages")
    expect(page.get_by_text("Không có bản tin nào bị từ chối")).to_be_visible()
    bins = city.api("GET", "nodes?kind=smart_bin")["nodes"]
    say(city, bins[0]["id"], b"\xff\x00\x11", tmp_path)
    sample = page.locator("tr", has_text=f"cf1/{bins[0]['id']}/up/report")
    expect(sample).to_contain_text("ff0011")
    expect(page.locator("section", has_text="Theo lý do")).to_contain_text(
        re.compile("Sai cấu trúc|Bị cắt cụt")
    )


def test_a_technician_makes_an_enrolment_token_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/provisioning")
    expect(page.locator("table")).to_contain_text("Đèn đường")
    page.get_by_label("Loại").focus()
    for text in ("2", "15"):
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    token = page.get_by_label("Mã", exact=True)
    expect(token).to_have_value(re.compile(r"\S{20,}"))
    expect(page.locator("#token")).to_contain_text("Cho 2 nút loại Đèn đường, trong 15 phút.")
    page.get_by_role("button", name="Tạo mã khác").click()
    expect(page.get_by_role("button", name="Tạo mã", exact=True)).to_be_visible()


def test_what_was_done_stands_in_the_audit(city: City, open_page: OpenPage) -> None:
    page = open_page("/audit", user="admin")
    entries = page.locator("#audit tbody tr")
    expect(entries.first).to_be_visible()
    page.get_by_label("Hành động bắt đầu bằng").fill("registry.")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Nhập danh mục")
    page.get_by_label("Hành động bắt đầu bằng").fill("nothing.")
    expect(page.get_by_text("Không có mục nào khớp bộ lọc.")).to_be_visible()


def test_pages_of_other_roles_are_refused_in_plain_words(open_page: OpenPage, watch: Watch) -> None:
    watch.expected.append("403")
    page = open_page("/audit", user="operator")
    expect(page.locator("h1")).to_have_text("Không có quyền")
    expect(page.locator(".empty")).to_contain_text("quản trị viên")
    expect(page.locator(".rail__link", has_text="Nhật ký")).to_have_count(0)
