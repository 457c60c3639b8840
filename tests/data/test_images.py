import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from imtrans.data import (
  ImageError,
  ImageSpec,
  denormalize,
  image_spec,
  normalize,
  read_image,
  write_image,
)
from imtrans.data.images import MAX_PIXELS, flatten_alpha


def picture(shape, dtype, seed=0):
  generator = np.random.default_rng(seed)
  if dtype == "float32":
    return generator.random(shape, np.float32)
  return generator.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(
  ("name", "channels", "dtype"),
  [
    ("x.png", 1, "uint8"),
    ("x.png", 3, "uint8"),
    ("x.png", 1, "uint16"),
    ("x.png", 3, "uint16"),
    ("x.webp", 3, "uint8"),
    ("x.tif", 1, "uint8"),
    ("x.tif", 2, "uint16"),
    ("x.tif", 3, "uint8"),
    ("x.tif", 4, "uint16"),
    ("x.tiff", 5, "uint16"),
    ("x.tif", 1, "float32"),
    ("x.tif", 7, "float32"),
  ],
)
def test_lossless_round_trip(tmp_path, name, channels, dtype):
  array = picture((6, 9, channels), dtype)
  write_image(tmp_path / name, array)
  read = read_image(tmp_path / name)
  assert read.dtype == array.dtype
  np.testing.assert_array_equal(read, array)
  assert [file.name for file in tmp_path.iterdir()] == [name]  # No temporary file is left.


def test_jpeg_round_trip_is_close(tmp_path):
  y, x = np.mgrid[:32, :32]
  array = np.stack([4 * x, 4 * y, 2 * (x + y)], axis=2).astype(np.uint8)
  write_image(tmp_path / "x.jpg", array)
  assert np.abs(read_image(tmp_path / "x.jpg").astype(int) - array).max() <= 6


@pytest.mark.parametrize(
  ("name", "channels", "dtype"),
  [("x.jpg", 3, "uint16"), ("x.png", 5, "uint8"), ("x.png", 3, "float32"), ("x.webp", 2, "uint8")],
)
def test_write_refuses_what_the_format_cannot_hold(tmp_path, name, channels, dtype):
  with pytest.raises(ValueError, match=r"write a \.tif file"):
    write_image(tmp_path / name, picture((4, 4, channels), dtype))
  assert not list(tmp_path.iterdir())


def test_write_refuses_unknown_extensions_and_dtypes(tmp_path):
  with pytest.raises(ValueError, match=r"must end in one of \.jpg"):
    write_image(tmp_path / "x.gif", picture((4, 4, 3), "uint8"))
  with pytest.raises(ValueError, match="int64"):
    write_image(tmp_path / "x.png", np.zeros((4, 4, 3), np.int64))


def test_alpha_is_flattened_on_the_named_colour(tmp_path):
  rgba = np.zeros((1, 3, 4), np.uint8)
  rgba[0, :, 3] = (0, 51, 255)  # Opacity 0, 0.2 and 1 of black.
  Image.fromarray(rgba).save(tmp_path / "x.png")
  on_white = read_image(tmp_path / "x.png")
  assert on_white.shape == (1, 3, 3)
  assert on_white[0, :, 0].tolist() == [255, 204, 0]
  on_orange = read_image(tmp_path / "x.png", background="#ff8000")
  assert on_orange[0].tolist() == [[255, 128, 0], [204, 102, 0], [0, 0, 0]]
  with pytest.raises(ValueError, match="background must be a colour"):
    read_image(tmp_path / "x.png", background="nocolour")


def test_grey_alpha_uses_the_luma_of_the_background():
  array = np.zeros((1, 1, 2), np.uint16)
  assert flatten_alpha(array, (255, 0, 0)).tolist() == [[[round(0.299 * 65535)]]]


def test_palettes_are_expanded(tmp_path):
  indexed = Image.new("P", (2, 1))
  indexed.putpalette([10, 20, 30, 200, 100, 50])
  indexed.putpixel((1, 0), 1)
  indexed.save(tmp_path / "x.png")
  assert read_image(tmp_path / "x.png").tolist() == [[[10, 20, 30], [200, 100, 50]]]
  indexed.save(tmp_path / "clear.png", transparency=1)
  assert read_image(tmp_path / "clear.png").tolist() == [[[10, 20, 30], [255, 255, 255]]]
  indexed.save(tmp_path / "x.tif")
  assert read_image(tmp_path / "x.tif").tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_black_and_white_and_cmyk(tmp_path):
  Image.fromarray(np.array([[True, False]])).save(tmp_path / "x.png")
  assert read_image(tmp_path / "x.png").tolist() == [[[255], [0]]]
  Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "x.jpg")
  red = read_image(tmp_path / "x.jpg")
  assert red.shape == (8, 8, 3) and red[0, 0, 0] > 200 and red[0, 0, 1] < 60


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_exif_orientation_is_what_pillow_makes_of_it(tmp_path, orientation, name):
  from PIL import ImageOps

  array = picture((3, 5, 3), "uint8")
  exif = Image.Exif()
  exif[0x0112] = orientation
  Image.fromarray(array).save(tmp_path / name, exif=exif)
  with Image.open(tmp_path / name) as opened:
    expected = np.asarray(ImageOps.exif_transpose(opened))
  np.testing.assert_array_equal(read_image(tmp_path / name), expected)


@pytest.mark.parametrize(
  ("shape", "options"),
  [
    ((8, 7, 5), {}),  # Axes not told: a stack of eight slim pages.
    ((5, 8, 7), {"metadata": {"axes": "CYX"}}),
    ((5, 8, 7), {"photometric": "minisblack", "planarconfig": "separate"}),
  ],
)
def test_tiff_channels_are_found_wherever_they_are(tmp_path, shape, options):
  array = picture(shape, "uint16")
  tifffile.imwrite(tmp_path / "x.tif", array, **options)
  expected = array if shape[2] == 5 else array.transpose(1, 2, 0)
  np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), expected)


def test_tiff_alpha_inverted_grey_and_float64(tmp_path):
  rgba = np.full((2, 2, 4), 0, np.uint8)
  tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
  assert (read_image(tmp_path / "a.tif") == 255).all()
  # Red, half covering, stored multiplied by its opacity.
  rgba[...] = (128, 0, 0, 128)
  tifffile.imwrite(tmp_path / "b.tif", rgba, photometric="rgb", extrasamples=["assocalpha"])
  assert read_image(tmp_path / "b.tif")[0, 0].tolist() == [255, 127, 127]
  tifffile.imwrite(tmp_path / "c.tif", np.full((2, 2), 5, np.uint8), photometric="miniswhite")
  assert (read_image(tmp_path / "c.tif") == 250).all()
  tifffile.imwrite(tmp_path / "d.tif", np.full((2, 2), 0.25))
  assert read_image(tmp_path / "d.tif").dtype == np.float32
  for name, bad in (("e.tif", np.zeros((2, 2), np.int32)), ("f.tif", np.zeros((2, 3, 4, 5), "B"))):
    tifffile.imwrite(tmp_path / name, bad, photometric="minisblack")
    with pytest.raises(ImageError, match=name):
      read_image(tmp_path / name)


def test_the_content_decides_not_the_extension(tmp_path):
  array = picture((4, 4, 3), "uint8")
  write_image(tmp_path / "x.png", array)
  (tmp_path / "x.png").rename(tmp_path / "really_png.jpg")
  np.testing.assert_array_equal(read_image(tmp_path / "really_png.jpg"), array)


def hostile_files():
  """(name, bytes, what the message must say)."""
  import io

  buffers = {}
  for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
    buffer = io.BytesIO()
    Image.fromarray(picture((64, 64, 3), "uint8")).save(buffer, kind)
    buffers[kind] = buffer.getvalue()
  buffer = io.BytesIO()
  Image.new("RGB", (2, 2)).save(buffer, "GIF")

  def png_header(width, height, depth):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = [
      struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, data)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)

  return [
    ("empty.png", b"", "empty"),
    ("text.jpg", b"this is no picture", "no PNG, JPEG, WebP or TIFF"),
    ("animation.png", buffer.getvalue(), "no PNG, JPEG, WebP or TIFF"),
    *((f"cut.{kind.lower()}", data[: len(data) // 2], "") for kind, data in buffers.items()),
    *((f"head.{kind.lower()}", data[:20], "") for kind, data in buffers.items()),
    ("bomb8.png", png_header(30_000, 30_000, 8), "30000 x 30000 pixels"),
    ("bomb16.png", png_header(2**31 - 1, 2**31 - 1, 16), "pixels, more than"),
    ("cut16.png", png_header(8, 8, 16), ""),
  ]


@pytest.mark.parametrize(
  ("name", "data", "words"), hostile_files(), ids=[case[0] for case in hostile_files()]
)
def test_hostile_files_get_one_sentence(tmp_path, name, data, words):
  (tmp_path / name).write_bytes(data)
  with pytest.raises(ImageError) as caught, warnings.catch_warnings():
    warnings.simplefilter("error")
    read_image(tmp_path / name)
  message = str(caught.value)
  assert name in message and words in message and "\n" not in message
  assert "Replace the file or take it away." in message


def test_a_tiff_bomb_is_refused_before_it_is_decoded(tmp_path):
  tifffile.imwrite(tmp_path / "x.tif", np.zeros((16, 16), np.uint8))
  data = bytearray((tmp_path / "x.tif").read_bytes())
  for tag in (256, 257):  # Width and height.
    at = (
      data.index(struct.pack("<HHI", tag, 4, 1))
      if struct.pack("<HHI", tag, 4, 1) in data
      else (data.index(struct.pack("<HHI", tag, 3, 1)))
    )
    data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 2**20)
  (tmp_path / "x.tif").write_bytes(data)
  with pytest.raises(ImageError, match=f"more than the {MAX_PIXELS:,}"):
    read_image(tmp_path / "x.tif")


def test_missing_files_and_folders(tmp_path):
  with pytest.raises(ImageError, match=r"gone\.png does not exist"):
    read_image(tmp_path / "gone.png")
  with pytest.raises(ImageError, match="is a folder"):
    read_image(tmp_path)


def test_normalize_by_hand():
  spec = image_spec(1, "uint8")
  np.testing.assert_allclose(normalize(np.array([0, 51, 255], "B"), spec), [-1, -0.6, 1], atol=1e-7)
  spec = image_spec(1, "float32", low=-2.0, high=6.0)
  values = normalize(np.array([-2.0, 2.0, 4.0, 9.0], np.float32), spec)
  assert values.dtype == np.float32
  np.testing.assert_allclose(values, [-1.0, 0.0, 0.5, 1.0])  # 9 is outside and clipped.


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_denormalize_inverts_normalize_exactly(dtype):
  spec = image_spec(3, dtype)
  values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
  restored = denormalize(normalize(values, spec), spec)
  assert restored.dtype == values.dtype
  np.testing.assert_array_equal(restored, values)


def test_denormalize_rounds_and_clips():
  spec = image_spec(1, "uint8")
  values = np.array([-3.0, -0.999, 0.0, 0.9999, 2.0])
  assert denormalize(values, spec).tolist() == [0, 0, 128, 255, 255]
  assert denormalize(values, image_spec(1, "float32"))[2] == 0.5


def test_spec_goes_through_a_dict_and_is_checked():
  spec = image_spec(5, "uint16", high=4095)
  assert spec == ImageSpec(5, "uint16", 0.0, 4095.0)
  assert ImageSpec.from_dict(spec.to_dict()) == spec
  with pytest.raises(ValueError, match="dtype must be one of"):
    image_spec(3, "int8")
  with pytest.raises(ValueError, match="low must be below high"):
    image_spec(3, "float32", low=1.0)
