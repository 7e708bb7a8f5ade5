"""Where things are in the face mesh: 468 points of the skin and 10 of the irises, by number, in mediapipe's order.

Right and left are the subject's: the right eye is on the left of an unmirrored picture.
"""

import numpy as np

FACE_POINTS = 478  # the mesh and the irises
MESH_POINTS = 468  # the skin alone

# Closed rings, each from the outer corner along the lower lid to the inner corner and back along the upper one.
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
# Closed rings, from the corner on the picture's left along the lower lip to the other and back along the upper one.
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
# The rim of the face, from the middle of the forehead by the subject's left side down to the chin and back.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
RIGHT_BROW = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)  # lower rim, then upper rim, each towards the nose
LEFT_BROW = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
NOSE_TIP, CHIN, FOREHEAD = 4, 152, 10
OUTER_CANTHI = (33, 263)  # outer corners of the eyes, right and left
INNER_CANTHI = (133, 362)
MOUTH_CORNERS = (61, 291)
IRIS_CENTRES = (468, 473)  # right and left
RIGHT_IRIS, LEFT_IRIS = (469, 470, 471, 472), (474, 475, 476, 477)  # rings of four around each

# Points that move with the skull, and how much each counts when a pose is fitted: mediapipe's geometry pipeline.
RIGID_WEIGHTS = {
    4: 0.0709,
    6: 0.0321,
    10: 0.0084,
    33: 0.0587,
    54: 0.0078,
    67: 0.0091,
    117: 0.0098,
    119: 0.0146,
    121: 0.0186,
    127: 0.0052,
    129: 0.1206,
    132: 0.0056,
    133: 0.0533,
    136: 0.0669,
    143: 0.0148,
    147: 0.0143,
    198: 0.0255,
    205: 0.0473,
    263: 0.0587,
    284: 0.0078,
    297: 0.0091,
    346: 0.0098,
    348: 0.0146,
    350: 0.0186,
    356: 0.0052,
    358: 0.1206,
    361: 0.0056,
    362: 0.0533,
    365: 0.0669,
    372: 0.0148,
    376: 0.0143,
    420: 0.0255,
    425: 0.0473,
}
RIGID_POINTS = np.array(sorted(RIGID_WEIGHTS))
